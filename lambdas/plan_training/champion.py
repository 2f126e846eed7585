"""The model to beat: the one that serves; before there is an endpoint, the latest approved version of the group."""

from collections.abc import Iterator
from typing import Any, TypedDict

from shared import endpoints, variants
from shared.descriptor import Descriptor


class Champion(TypedDict):
    """`version` counts from 1 in the group; `model_uri` is the artifact's S3 URI.

    `own`: the run that is planned made this very version, so there is nothing to compare.
    `data_hash`, `holdout_sha256`, `model_sha256`: as it was registered with, None where its package does not say.
    """

    version: int
    model_package_arn: str
    model_uri: str
    serves: bool
    own: bool
    data_hash: str | None
    holdout_sha256: str | None
    model_sha256: str | None


def find(sagemaker: Any, descriptor: Descriptor, *, run: str) -> Champion | None:
    """None when nothing serves and no package of the group is approved and complete."""
    group = descriptor["model_package_group"]
    version = _serving_version(sagemaker, descriptor["endpoint_name"])
    if version is not None:
        for summary in _packages(sagemaker, group):
            if str(summary["ModelPackageVersion"]) == version:
                return _describe(sagemaker, summary["ModelPackageArn"], run=run, serves=True)
    for summary in _packages(sagemaker, group, ModelApprovalStatus="Approved"):
        if summary["ModelPackageStatus"] == "Completed":
            return _describe(sagemaker, summary["ModelPackageArn"], run=run, serves=False)
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


def _describe(sagemaker: Any, arn: str, *, run: str, serves: bool) -> Champion:
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    metadata = package.get("CustomerMetadataProperties", {})
    return Champion(
        version=package["ModelPackageVersion"],
        model_package_arn=arn,
        model_uri=package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"],
        serves=serves,
        own=metadata.get("run") == run,
        data_hash=metadata.get("data-hash"),
        holdout_sha256=metadata.get("holdout-sha256"),
        model_sha256=metadata.get("model-sha256"),
    )
