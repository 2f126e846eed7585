"""Registered models: which version serves, and the artifact of a version as files."""

from __future__ import annotations

import re
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli import status
from cli.errors import CliError
from cli.target import Target

_S3_URI = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<key>.+)")


def serving_version(target: Target, descriptor: Mapping[str, Any]) -> str:
    """The version that serves, of several the one with the most traffic; raises CliError where none does."""
    endpoint = status.endpoint(target, descriptor["endpoint_name"])
    variants = sorted(endpoint["variants"], key=lambda variant: variant["weight"] or 0) if endpoint else []
    version = variants[-1]["model_version"] if variants else None
    if version is None:
        raise CliError(
            f"No model of {descriptor['name']} serves.",
            hint=f"Name a version (--version 3), or train one: slipway train {descriptor['name']}",
        )
    return version


def artifact_uri(target: Target, descriptor: Mapping[str, Any], version: str) -> str:
    """Where the model.tar.gz of a registered version is; raises CliError that names the versions there are."""
    return package(target, descriptor, version)["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]


def package(target: Target, descriptor: Mapping[str, Any], version: str) -> dict[str, Any]:
    """DescribeModelPackage's answer for a registered version; raises CliError that names the versions there are."""
    found = {_version(arn): arn for arn in _arns(target, descriptor["model_package_group"])}
    if version not in found:
        there = ", ".join(sorted(found, key=int)) or "none yet"
        raise CliError(f"{descriptor['name']} has no model version {version}.", hint=f"Registered are: {there}")
    return target.client("sagemaker").describe_model_package(ModelPackageName=found[version])


def _arns(target: Target, group: str) -> list[str]:
    pages = target.client("sagemaker").get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    return [item["ModelPackageArn"] for page in pages for item in page["ModelPackageSummaryList"]]


def _version(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]


def download(target: Target, uri: str, path: Path) -> None:
    """The object at an S3 URI, as a file."""
    place = _S3_URI.fullmatch(uri)
    if place is None:
        raise CliError(f"The model's artifact is at {uri}, which is no S3 URI.")
    target.client("s3").download_file(place["bucket"], place["key"], str(path))


def unpack(archive: Path, folder: Path) -> None:
    """The ordinary files of a model.tar.gz; raises CliError for one that is damaged, or reaches out of the folder."""
    try:
        with tarfile.open(archive, "r:gz") as opened:
            opened.extractall(folder, filter="data")
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise CliError(f"{archive.name} cannot be unpacked: {error}") from error
