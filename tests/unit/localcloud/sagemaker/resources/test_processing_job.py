"""Processing jobs: what a request must say, and what becomes of it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ..conftest import ACCOUNT, REGION, ControlPlane, error_of

NAME = "digits-1-eval"
ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:processing-job/{NAME}"


def test_a_created_job_is_described_as_requested_and_started(
    plane: ControlPlane, processing_job: dict[str, Any]
) -> None:
    assert plane.client.create_processing_job(**processing_job)["ProcessingJobArn"] == ARN
    job = plane.client.describe_processing_job(ProcessingJobName=NAME)
    assert {member: job[member] for member in processing_job} == processing_job
    assert job["ProcessingJobStatus"] == "InProgress"
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400}
    assert plane.jobs.calls == [("start", "processing-job", NAME)]


def test_a_taken_name_is_in_use(plane: ControlPlane, processing_job: dict[str, Any]) -> None:
    plane.client.create_processing_job(**processing_job)
    assert error_of(plane.client.create_processing_job, **processing_job) == (
        "ResourceInUse",
        f"Job name must be unique within an AWS account and region, and a job with this name already exists ({ARN})",
    )


def test_a_missing_job_is_not_found(plane: ControlPlane) -> None:
    assert error_of(plane.client.describe_processing_job, ProcessingJobName="absent") == (
        "ValidationException",
        "Could not find requested job with name: absent",
    )


@pytest.mark.parametrize(
    ("section", "member", "value", "message"),
    [
        ("input", "S3Uri", "s3://x", "'x' is not a valid bucket name"),
        (
            "input",
            "LocalPath",
            "/data/x",
            "Invalid LocalPath '/data/x' at 'processingInputs.1.member.s3Input.localPath'",
        ),
        ("input", "LocalPath", "/opt/ml/processing/../model", "it must begin with /opt/ml/processing/"),
        ("input", "LocalPath", None, "Value null at 'processingInputs.1.member.s3Input.localPath'"),
        ("output", "S3Uri", "file:///x", "at 'processingOutputConfig.outputs.1.member.s3Output.s3Uri'"),
        ("output", "LocalPath", "/opt/ml/processingX", "it must begin with /opt/ml/processing/"),
    ],
)
def test_a_place_beyond_the_documented_limits_is_refused(
    plane: ControlPlane, processing_job: dict[str, Any], section: str, member: str, value: Any, message: str
) -> None:
    places = {
        "input": processing_job["ProcessingInputs"][0]["S3Input"],
        "output": processing_job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"],
    }
    places[section][member] = value
    code, text = error_of(plane.client.create_processing_job, **processing_job)
    assert (code, message in text) == ("ValidationException", True), text
    assert plane.jobs.calls == []


def test_names_of_inputs_and_of_outputs_are_unique(plane: ControlPlane, processing_job: dict[str, Any]) -> None:
    twice = copy.deepcopy(processing_job)
    twice["ProcessingInputs"] *= 2
    assert "Duplicate input name 'holdout'" in error_of(plane.client.create_processing_job, **twice)[1]
    processing_job["ProcessingOutputConfig"]["Outputs"] *= 2
    assert "Duplicate output name 'evaluation'" in error_of(plane.client.create_processing_job, **processing_job)[1]


def test_stopping_asks_the_supervisor(plane: ControlPlane, processing_job: dict[str, Any]) -> None:
    plane.client.create_processing_job(**processing_job)
    plane.client.stop_processing_job(ProcessingJobName=NAME)
    job = plane.client.describe_processing_job(ProcessingJobName=NAME)
    assert job["ProcessingJobStatus"] == "Stopping"
    assert plane.jobs.calls[-1] == ("stop", "processing-job", NAME)
    plane.store.update("processing-job", NAME, lambda job: job.update(ProcessingJobStatus="Stopped"))
    assert "is in status Stopped" in error_of(plane.client.stop_processing_job, ProcessingJobName=NAME)[1]
