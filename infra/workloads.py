"""Finds the workloads (a folder with a `workload.yaml` each) and reads their manifests."""

from __future__ import annotations

import json
from collections.abc import Collection, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from infra.images.table import UnknownImage, managed_image
from infra.manifest import Manifest

MANIFEST = "workload.yaml"
SAMPLE_REQUEST = "sample_request.json"
SHARED = "shared"
"""The package in a training folder that the serving image has as well."""
SAMPLE_REQUEST_LIMIT = 4096
"""Characters: the descriptor holds it, and an SSM parameter ends at 8 KB (`infra.documents.to_parameter`)."""


class ManifestError(ValueError):
    """A workload that cannot be deployed; the message names the file, the key, the value and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class CodeRoots:
    """The folders that hold the workloads' code."""

    training: Path
    inference: Path


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A manifest, with the folders that belong to it."""

    manifest: Manifest
    roots: CodeRoots
    sample_request: Any
    """The parsed JSON of `sample_request.json`, None where the workload has none."""

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def training_folder(self) -> Path:
        return self.roots.training / self.name

    @property
    def inference_folder(self) -> Path:
        """Need not exist where the workload's own image holds everything."""
        return self.roots.inference / self.name

    @property
    def shared_folder(self) -> Path:
        """Need not exist."""
        return self.training_folder / SHARED


def find_workloads(roots: CodeRoots, chosen: Collection[str] | None = None) -> list[Workload]:
    """The `chosen` workloads below `roots.training` (None: all), sorted by name.

    Raises ManifestError for the first that is wrong, or that does not exist.
    """
    manifests = {path.parent.name: path for path in sorted(roots.training.glob(f"*/{MANIFEST}"))}
    if unknown := sorted(set(chosen or ()) - manifests.keys()):
        raise ManifestError(
            f"context value workloads: {', '.join(map(repr, unknown))} unknown: allowed: {', '.join(manifests)}"
        )
    return [_load(path, roots) for name, path in manifests.items() if chosen is None or name in chosen]


def _load(path: Path, roots: CodeRoots) -> Workload:
    shown = f"{roots.training.name}/{path.parent.name}/{MANIFEST}"
    manifest = read_manifest(path, shown=shown)
    if manifest.name != path.parent.name:
        raise ManifestError(f"{shown}: name: {manifest.name!r} is not the folder's: allowed: {path.parent.name}")
    _check_processing(path.parent, manifest, shown)
    folder = roots.inference / manifest.name
    if manifest.training.own_image:
        dockerfile = manifest.training.own_image.dockerfile
        _require(path.parent / dockerfile, f"{shown}: training.image.dockerfile: {dockerfile!r}")
    else:
        _require(path.parent / manifest.training.script, f"{shown}: training.script: {manifest.training.script!r}")
        _check_managed_image(manifest, shown)
        _require(folder / "inference.py", f"{shown}: serving")
        _check_shared(path.parent / SHARED, folder)
    sample = _sample_request(folder / SAMPLE_REQUEST)
    _check_latency(manifest, sample, shown)
    return Workload(manifest=manifest, roots=roots, sample_request=sample)


def read_manifest(path: Path, *, shown: str) -> Manifest:
    """The manifest at `path`; `shown` is how messages name it."""
    try:
        document = yaml.load(path.read_text("utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise ManifestError(f"{shown}: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise ManifestError(f"{shown}: must be a mapping, is {type(document).__name__}")
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        lines = [_describe(detail) for detail in error.errors()]
        raise ManifestError("\n".join(f"{shown}: {line}" for line in lines)) from error


def _describe(detail: Any) -> str:
    # What stands in angle brackets is a kind of image, which no manifest names.
    path = ".".join(part for part in map(str, detail["loc"]) if not part.startswith("<")) or "(document)"
    message = detail["msg"].removeprefix("Value error, ").replace("Input should be", "allowed:")
    value = detail["input"]
    if detail["type"] == "missing" or isinstance(value, dict):
        return f"{path}: {message}"
    return f"{path}: {value!r} {message}"


def _check_managed_image(manifest: Manifest, shown: str) -> None:
    training = manifest.training
    try:
        managed_image(
            framework=training.image.framework,
            version=training.image.version,
            instance_type=training.instance.type,
        )
    except UnknownImage as error:
        raise ManifestError(f"{shown}: {error}") from error


def _check_processing(folder: Path, manifest: Manifest, shown: str) -> None:
    for index, step in enumerate(manifest.processing):
        key = f"processing.{index}"
        _require(folder / step.script, f"{shown}: {key}.script: {step.script!r}")
        try:
            managed_image(
                framework=step.image.framework,
                version=step.image.version,
                instance_type=step.instance.type,
                section=key,
            )
        except UnknownImage as error:
            raise ManifestError(f"{shown}: {error}") from error


def _check_shared(shared: Path, inference: Path) -> None:
    """`from shared import ...` means the same package wherever the workload's code runs."""
    if not shared.is_dir():
        return
    shown = f"{shared.parent.parent.name}/{shared.parent.name}/{SHARED}"
    _require(shared / "__init__.py", f"{shown}: is what training and serving import")
    for name in (SHARED, f"{SHARED}.py"):
        if (inference / name).exists():
            beside = f"{inference.parent.name}/{inference.name}/{name}"
            raise ManifestError(f"{beside}: {shown} takes its place in the serving image: give it another name")


def _check_latency(manifest: Manifest, sample: Any, shown: str) -> None:
    """The row whose latency is measured is the sample request's first."""
    rows = sample.get("instances") if isinstance(sample, dict) else None
    if manifest.gate.limits_latency and (not isinstance(rows, list) or not rows):
        raise ManifestError(
            f"{shown}: gate: a limit of latency needs inference_code/{manifest.name}/{SAMPLE_REQUEST} with at least one"
            ' of "instances": its first is the row that is timed'
        )


def _require(path: Path, reason: str) -> None:
    if not path.is_file():
        raise ManifestError(f"{reason}: needs the file {path.parent.parent.name}/{path.parent.name}/{path.name}")


def _sample_request(path: Path) -> Any:
    if not path.is_file():
        return None
    shown = f"{path.parent.parent.name}/{path.parent.name}/{path.name}"
    try:
        sample = json.loads(path.read_text("utf-8"))
    except json.JSONDecodeError as error:
        raise ManifestError(f"{shown}: is not JSON: {error}") from error
    size = len(json.dumps(sample, separators=(",", ":")))
    if size > SAMPLE_REQUEST_LIMIT:
        raise ManifestError(f"{shown}: has {size} characters as compact JSON: allowed: {SAMPLE_REQUEST_LIMIT}")
    return sample


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML lets the last of two equal keys win without a word; here that is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=deep)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"duplicate key {key!r}", problem_mark=key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)
