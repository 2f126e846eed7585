"""The model to beat: the one that serves; before there is an endpoint, the latest approved version of the group."""

from collections.abc import Iterator
from typing import Any, TypedDict

from shared import endpoints, variants
from shared.descriptor import Descriptor
from shared.storage import split_uri


class Champion(TypedDict):
    """`version` counts from 1 in the group; `model_uri` is the artifact's S3 URI.

    `own`: the run that is planned made this very version, so there is nothing to compare. `lost`: its artifact is not
    in S3 any more; a job that was given it would fail.
    `data_hash`, `holdout_sha256`, `model_sha256`: as it was registered with, None where its package does not say.
    """

    version: int
    model_package_arn: str
    model_uri: str
    serves: bool
    own: bool
    lost: bool
    data_hash: str | None
    holdout_sha256: str | None
    model_sha256: str | None


def find(sagemaker: Any, s3: Any, descriptor: Descriptor, *, run: str) -> Champion | None:
    """None when nothing serves and no package of the group is approved and complete."""
    found = _package(sagemaker, descriptor)
    return _champion(s3, *found, run=run) if found else None


def _package(sagemaker: Any, descriptor: Descriptor) -> tuple[dict[str, Any], bool] | None:
    """DescribeModelPackage's answer, and whether the package serves."""
    group = descriptor["model_package_group"]
    version = _serving_version(sagemaker, descriptor["endpoint_name"])
    if version is not None:
        for summary in _packages(sagemaker, group):
            if str(summary["ModelPackageVersion"]) == version:
                return sagemaker.describe_model_package(ModelPackageName=summary["ModelPackageArn"]), True
    for summary in _packages(sagemaker, group, ModelApprovalStatus="Approved"):
        if summary["ModelPackageStatus"] == "Completed":
            return sagemaker.describe_model_package(ModelPackageName=summary["ModelPackageArn"]), False
    return None


def _serving_version(sagemaker: Any, endpoint_name: str) -> str | None:
    """Of the production variant with the most traffic. An endpoint that is being created serves nothing yet."""
    endpoint = endpoints.describe(sagemaker, endpoint_name)
    serving = variants.serving(sagemaker, endpoint) if endpoint else ()
    return serving[0].version if serving else None


def _packages(sagemaker: Any, group: str, **only: str) -> Iterator[dict[str, Any]]:
    """Summaries, newest version first."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending", **only
    )
    return (summary for page in pages for summary in page["ModelPackageSummaryList"])


def _champion(s3: Any, package: dict[str, Any], serves: bool, *, run: str) -> Champion:
    metadata = package.get("CustomerMetadataProperties", {})
    uri = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    return Champion(
        version=package["ModelPackageVersion"],
        model_package_arn=package["ModelPackageArn"],
        model_uri=uri,
        serves=serves,
        own=metadata.get("run") == run,
        lost=not _exists(s3, uri),
        data_hash=metadata.get("data-hash"),
        holdout_sha256=metadata.get("holdout-sha256"),
        model_sha256=metadata.get("model-sha256"),
    )


def _exists(s3: Any, uri: str) -> bool:
    """By ListObjectsV2, which may be allowed below a prefix, and says no where HeadObject would say Forbidden."""
    bucket, key = split_uri(uri)
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
    return any(item["Key"] == key for item in listed.get("Contents", []))
