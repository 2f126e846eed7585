"""Verdicts and lineages over a real registry and a real S3."""

from __future__ import annotations

import io
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli import lineage, verdicts
from cli.errors import CliError
from cli.target import Target

DESCRIPTOR = json.loads((Path(__file__).parents[2] / "events/workload_descriptor.json").read_text())
OBJECTS = [{"key": "digits/d/train/images.gz", "version_id": "3HL4kqtJvjVBH40Nrjfkd", "size": 9, "etag": "e"}]


def model(accuracy: float, three: float, **latency: float) -> dict[str, Any]:
    return {
        "metrics": {"examples": 360, "accuracy": accuracy},
        "slices": {"class=1": {"accuracy": 1.0, "examples": 36}, "class=3": {"accuracy": three, "examples": 36}},
        "latency_ms": {**latency, "requests": 200},
        "artifact": {"sha256": "ab" * 32, "files": 3, "bytes": 2_500_000},
    }


def verdict(run: str, **changed: Any) -> dict[str, Any]:
    return {
        "workload": "digits",
        "run": run,
        "dataset": "d",
        "passed": True,
        "reasons": [],
        "notes": ["the holdout changed"],
        "gate": {**DESCRIPTOR["gate"], "slices": {"max_regression": 0.1, "minimum_examples": 5}, "max_latency_ms": 50},
        "challenger": model(0.97, 0.8, p50=1.25, p99=2.5),
        "champion": {"version": 2, **model(0.95, 0.85, p50=1.5, p99=3.0)},
        "holdout": {"channel": "test", "sha256": "cd" * 32},
        "objects": OBJECTS,
        "data_hash": "0123456789ab",
        "hyperparameters": {"epochs": "3"},
        "training_job": "job",
        "jobs": {"check": None, "processing": {"frames": "job-frames"}, "training": "job", "evaluation": "job-eval"},
        "tuned": None,
        "imported": False,
        "model_uri": "s3://artifacts/model.tar.gz",
        "model_version_id": "v1",
        "model_sha256": "ab" * 32,
        "code_uri": "s3://assets/2a9b.zip",
        "code_hash": "2a9b",
        "entrypoint_uri": "s3://assets/1f0e.zip",
        "training_image_uri": "training:1",
        "serving_image_uri": "serving:1",
        **changed,
    }


class Registry:
    """A workload of its own: a bucket of verdicts and a group of model packages."""

    def __init__(self, target: Target) -> None:
        self.target, self.name = target, f"digits-{uuid.uuid4().hex[:8]}"
        self.descriptor = {
            **DESCRIPTOR,
            "model_package_group": self.name,
            "endpoint_name": self.name,
            "artifacts": {"bucket": self.name, "prefix": "digits/"},
        }
        target.client("s3").create_bucket(Bucket=self.name)
        target.client("sagemaker").create_model_package_group(ModelPackageGroupName=self.name)

    def put(self, document: dict[str, Any]) -> str:
        key = f"digits/verdicts/{document['run']}.json"
        self.target.client("s3").put_object(Bucket=self.name, Key=key, Body=json.dumps(document).encode())
        return f"s3://{self.name}/{key}"

    def register(self, **metadata: str) -> None:
        container = {"Image": "serving:1", "ModelDataUrl": "s3://artifacts/model.tar.gz"}
        content = ["application/json"]
        self.target.client("sagemaker").create_model_package(
            ModelPackageGroupName=self.name,
            InferenceSpecification={
                "Containers": [container],
                "SupportedContentTypes": content,
                "SupportedResponseMIMETypes": content,
            },
            ModelApprovalStatus="Approved",
            CustomerMetadataProperties=metadata,
        )


@pytest.fixture
def registry(target: Target) -> Registry:
    return Registry(target)


def test_a_verdict_is_found_by_run_by_version_and_as_the_newest(registry: Registry) -> None:
    registry.register(**{"verdict-uri": registry.put(verdict("run-1"))})
    registry.put(verdict("run-2", passed=False))

    def found(**which: str) -> str:
        return verdicts.find(registry.target, registry.descriptor, **which)["run"]

    assert found(run="run-1") == found(version="1") == "run-1"
    assert found(run="run-2") == "run-2"
    assert found() in {"run-1", "run-2"}  # S3 tells the time by the second


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ({}, "No run of digits has come to a verdict yet."),
        ({"run": "r", "version": "1"}, "A verdict is of a run or of a version: name one of them."),
        ({"version": "7"}, "digits has no model version 7."),
    ],
)
def test_what_there_is_no_verdict_of_is_said(registry: Registry, which: dict[str, str], message: str) -> None:
    with pytest.raises(CliError) as refusal:
        verdicts.find(registry.target, registry.descriptor, **which)
    assert refusal.value.message == message


def test_a_run_without_a_verdict_is_told_with_those_that_have_one(registry: Registry) -> None:
    registry.put(verdict("run-1"))
    with pytest.raises(CliError) as refusal:
        verdicts.find(registry.target, registry.descriptor, run="run-9")
    assert (refusal.value.message, refusal.value.hint) == (
        "Run 'run-9' has no verdict.",
        "The newest that have: run-1",
    )


def test_a_version_that_no_run_made_names_no_verdict(registry: Registry) -> None:
    registry.register(by="hand")
    with pytest.raises(CliError, match="names no verdict"):
        verdicts.find(registry.target, registry.descriptor, version="1")


def test_the_rows_are_metric_slices_worst_first_time_and_size() -> None:
    assert list(verdicts.rows(verdict("run-1"))) == [
        ("accuracy", "0.97", "0.95", "at least 0.9, worse by at most 0.01"),
        ("examples", "360", "360", ""),
        ("class=3: accuracy", "0.8", "0.85", "worse by at most 0.1"),
        ("class=1: accuracy", "1", "1", "worse by at most 0.1"),
        ("latency p50, ms", "1.25", "1.5", ""),
        ("latency p99, ms", "2.5", "3", "at most 50 ms"),
        ("files, MB", "2.5", "2.5", ""),
    ]


def test_the_first_models_verdict_has_nothing_in_the_champions_place() -> None:
    assert {row[2] for row in verdicts.rows(verdict("run-1", champion=None))} == {"-"}


def test_a_person_reads_why(registry: Registry) -> None:
    output = io.StringIO()
    refused = verdict("run-1", passed=False, reasons=["accuracy 0.5 is below the minimum 0.9"])
    verdicts.show(refused, Console(file=output, width=120))
    lines = output.getvalue().splitlines()
    assert lines[:3] == [
        "digits, run run-1: refused",
        "  because accuracy 0.5 is below the minimum 0.9",
        "  note: the holdout changed",
    ]
    assert "champion, version 2" in lines[3]


def test_the_lineage_says_data_code_parameters_and_jobs(registry: Registry) -> None:
    uri = registry.put(verdict("run-1"))
    registry.register(**{"verdict-uri": uri})
    document = lineage.collect(registry.target, registry.descriptor, "1")
    json.dumps(document)
    assert document["objects"] == OBJECTS
    assert (document["version"], document["serving_weight"], document["approval"]) == ("1", None, "Approved")
    assert document["code"]["hash"] == "2a9b"
    assert document["model"] == {"uri": "s3://artifacts/model.tar.gz", "version_id": "v1", "sha256": "ab" * 32}
    output = io.StringIO()
    lineage.show(document, Console(file=output, width=40))
    text = output.getvalue()
    assert "digits version 1: does not serve; Approved" in text
    assert f"          {OBJECTS[0]['key']} version {OBJECTS[0]['version_id']}" in text.splitlines()
    assert "job       processing frames: job-frames" in text
    assert "parameter epochs = 3" in text


def test_without_a_model_that_serves_a_lineage_asks_for_a_version(registry: Registry) -> None:
    with pytest.raises(CliError, match="No model of digits serves"):
        lineage.collect(registry.target, registry.descriptor, None)
