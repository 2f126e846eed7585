"""`lineage`: which data and code made a model version; read from the registry and from the version's verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cli import packages, status, verdicts
from cli.target import Target

if TYPE_CHECKING:
    from rich.console import Console


def collect(target: Target, descriptor: Mapping[str, Any], version: str | None) -> dict[str, Any]:
    """The document that `slipway lineage --json` prints; of the version that serves where none is named.

    `{"workload", "version", "serving_weight", "approval", "registered", "run", "dataset", "data_hash", "objects":
    [{"key", "version_id", "size", "etag"}], "data_bucket", "hyperparameters", "code": {"training", "hash",
    "entrypoint", "training_image", "serving_image"}, "jobs", "tuned", "imported", "model": {"uri", "version_id",
    "sha256"}, "metrics", "verdict_uri"}`. `serving_weight` is null for a version that does not serve. Raises CliError.
    """
    version = version or packages.serving_version(target, descriptor)
    package = packages.package(target, descriptor, version)
    verdict = verdicts.of_package(target, package)
    return {
        "workload": descriptor["name"],
        "version": version,
        "serving_weight": _weight(target, descriptor, version),
        "approval": package["ModelApprovalStatus"],
        "registered": package["CreationTime"].isoformat(),
        **{name: verdict[name] for name in ("run", "dataset", "data_hash", "objects", "hyperparameters")},
        "data_bucket": descriptor["data"]["bucket"],
        "code": {
            "training": verdict["code_uri"],
            "hash": verdict["code_hash"],
            "entrypoint": verdict["entrypoint_uri"],
            "training_image": verdict["training_image_uri"],
            "serving_image": verdict["serving_image_uri"],
        },
        "jobs": verdict.get("jobs") or {"training": verdict["training_job"]},
        "tuned": verdict["tuned"],
        "imported": verdict["imported"],
        "model": {
            "uri": verdict["model_uri"],
            "version_id": verdict.get("model_version_id"),
            "sha256": verdict.get("model_sha256"),
        },
        "metrics": verdict["challenger"]["metrics"],
        "verdict_uri": package["CustomerMetadataProperties"]["verdict-uri"],
    }


def _weight(target: Target, descriptor: Mapping[str, Any], version: str) -> float | None:
    endpoint = status.endpoint(target, descriptor["endpoint_name"])
    weights = [one["weight"] for one in endpoint["variants"] if one["model_version"] == version] if endpoint else []
    return sum(weights) if weights else None


def show(document: Mapping[str, Any], console: Console) -> None:
    """Print the lineage for a person."""
    model, weight = document["model"], document["serving_weight"]
    serves = "does not serve" if weight is None else f"serves with weight {weight:g}"
    lines = [
        f"{document['workload']} version {document['version']}: {serves}; {document['approval']},"
        f" registered {document['registered'][:19]}",
        f"run       {document['run']}",
        f"model     {model['uri']}",
        f"          S3 version {model['version_id']}, SHA-256 of its files {model['sha256']}",
        *(f"job       {kind}: {name}" for kind, name in _jobs(document["jobs"])),
        *(f"code      {kind}: {value}" for kind, value in document["code"].items() if value),
        *(f"parameter {name} = {value}" for name, value in sorted(document["hyperparameters"].items())),
        f"data      {document['dataset']} (hash {document['data_hash']}) in s3://{document['data_bucket']}",
        *(f"          {item['key']} version {item['version_id']}" for item in document["objects"]),
        f"verdict   {document['verdict_uri']}",
    ]
    console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def _jobs(jobs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Kind and name of each job that the run had."""
    steps = [(f"processing {step}", name) for step, name in (jobs.get("processing") or {}).items()]
    return [*steps, *((kind, name) for kind, name in jobs.items() if name and kind != "processing")]
