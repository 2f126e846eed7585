"""Which model package a rollout is about."""

from datetime import datetime
from typing import Any

from shared.descriptor import Descriptor
from shared.errors import InvalidInput, SlipwayError
from shared.fields import take

from plan_rollout.serving import Serving


class PackageNotApproved(SlipwayError):
    """The model package lost its approval between the event and now."""


class NothingToGoBackTo(SlipwayError):
    """There is no approved version before the one that serves."""


def approved(sagemaker: Any, descriptor: Descriptor, event: dict[str, Any]) -> dict[str, Any]:
    """The package that an approval event names, as it is now: the event may be hours old."""
    detail = take(event, "detail", dict, where="event")
    group, arn = (
        take(detail, name, str, where="event.detail") for name in ("ModelPackageGroupName", "ModelPackageArn")
    )
    if group != descriptor["model_package_group"]:
        raise InvalidInput(
            f"event.detail.ModelPackageGroupName is {group!r}, expected {descriptor['model_package_group']!r}"
        )
    return _require_approved(sagemaker.describe_model_package(ModelPackageName=arn))


def to_go_back_to(
    sagemaker: Any, descriptor: Descriptor, serving: Serving | None, version: str | None
) -> dict[str, Any]:
    """The package of `version`, or else the newest approved one before what serves.

    Raises NothingToGoBackTo, PackageNotApproved.
    """
    summaries = list(_approved_packages(sagemaker, descriptor["model_package_group"]))
    if version is not None:
        wanted = [summary for summary in summaries if str(summary["ModelPackageVersion"]) == version]
        if not wanted:
            raise PackageNotApproved(f"version {version} of {descriptor['model_package_group']} is not an approved one")
    else:
        now = int((serving.champion.version if serving else None) or 0)
        wanted = [summary for summary in summaries if summary["ModelPackageVersion"] < now]
    if not wanted:
        raise NothingToGoBackTo(
            f"{descriptor['model_package_group']} has no approved version before the one that serves"
        )
    return sagemaker.describe_model_package(ModelPackageName=wanted[0]["ModelPackageArn"])


def superseded_by(sagemaker: Any, descriptor: Descriptor, package: dict[str, Any], serving: Serving) -> str | None:
    """Why `package` is not rolled out: what serves was approved after it.

    Approvals that waited for a busy endpoint may come to their turn in any order; the latest approval wins.
    """
    mine = _approved_at(package)
    versions = {
        summary["ModelPackageVersion"]: summary
        for summary in _approved_packages(sagemaker, descriptor["model_package_group"])
    }
    for variant in serving.variants:
        summary = versions.get(int(variant.version or 0))
        if summary is None or summary["ModelPackageArn"] == package["ModelPackageArn"]:
            continue
        other = sagemaker.describe_model_package(ModelPackageName=summary["ModelPackageArn"])
        if _approved_at(other) > mine:
            return (
                f"version {variant.version}, which serves, was approved after version"
                f" {package['ModelPackageVersion']}: the latest approval wins"
            )
    return None


def _approved_packages(sagemaker: Any, group: str) -> Any:
    """Summaries, newest version first."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, ModelApprovalStatus="Approved", SortBy="CreationTime", SortOrder="Descending"
    )
    return (summary for page in pages for summary in page["ModelPackageSummaryList"])


def _approved_at(package: dict[str, Any]) -> datetime:
    """A package that was registered as approved has no LastModifiedTime."""
    return package.get("LastModifiedTime") or package["CreationTime"]


def _require_approved(package: dict[str, Any]) -> dict[str, Any]:
    status = package.get("ModelApprovalStatus")
    if status != "Approved":
        raise PackageNotApproved(f"{package['ModelPackageArn']} is {status}, not Approved: it is not rolled out")
    return package
