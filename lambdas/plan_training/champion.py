"""The model to beat: the latest approved version in the workload's model package group."""

from typing import Any, TypedDict


class Champion(TypedDict):
    """`version` counts from 1 in the group; `model_uri` is the artifact's S3 URI."""

    version: int
    model_package_arn: str
    model_uri: str


def find(sagemaker: Any, group: str) -> Champion | None:
    """The newest package of `group` that is approved and complete, None when there is none yet."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, ModelApprovalStatus="Approved", SortBy="CreationTime", SortOrder="Descending"
    )
    for page in pages:
        for summary in page["ModelPackageSummaryList"]:
            if summary["ModelPackageStatus"] == "Completed":
                return _describe(sagemaker, summary["ModelPackageArn"])
    return None


def _describe(sagemaker: Any, arn: str) -> Champion:
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    return Champion(
        version=package["ModelPackageVersion"],
        model_package_arn=arn,
        model_uri=package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"],
    )
