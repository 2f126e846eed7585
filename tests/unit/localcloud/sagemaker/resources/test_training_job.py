"""Training jobs: what a request must say, and what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest

from ..conftest import ACCOUNT, REGION, ControlPlane, error_of

ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/digits-1"


def test_a_created_job_is_described_as_requested_and_started(plane: ControlPlane, training_job: dict[str, Any]) -> None:
    assert plane.client.create_training_job(**training_job)["TrainingJobArn"] == ARN
    job = plane.client.describe_training_job(TrainingJobName="digits-1")
    assert {member: job[member] for member in training_job} == training_job
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("InProgress", "Starting")
    assert [step["Status"] for step in job["SecondaryStatusTransitions"]] == ["Starting"]
    assert job["EnableManagedSpotTraining"] is False
    assert plane.jobs.calls == [("start", "training-job", "digits-1")]


def test_a_job_runs_for_a_day_at_most_unless_told(plane: ControlPlane, training_job: dict[str, Any]) -> None:
    del training_job["StoppingCondition"]
    plane.client.create_training_job(**training_job)
    job = plane.client.describe_training_job(TrainingJobName="digits-1")
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400}


def test_a_taken_name_is_in_use(plane: ControlPlane, training_job: dict[str, Any]) -> None:
    plane.client.create_training_job(**training_job)
    assert error_of(plane.client.create_training_job, **training_job) == (
        "ResourceInUse",
        "Training job names must be unique within an AWS account and region, and a training job with this name "
        f"already exists ({ARN})",
    )
    assert len(plane.jobs.calls) == 1


@pytest.mark.parametrize("operation", ["describe_training_job", "stop_training_job", "delete_training_job"])
def test_a_missing_job_is_not_found(plane: ControlPlane, operation: str) -> None:
    found = error_of(getattr(plane.client, operation), TrainingJobName="absent")
    assert found == ("ValidationException", "Requested resource not found.")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"EnableManagedSpotTraining": True},
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds",
        ),
        (
            {
                "EnableManagedSpotTraining": True,
                "StoppingCondition": {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 599},
            },
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds",
        ),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 700}},
            "Invalid MaxWaitTimeInSeconds 700. It may be specified only when EnableManagedSpotTraining is true",
        ),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": 2419201}},
            "Invalid MaxRuntimeInSeconds 2419201. It must be at most 2419200 (28 days)",
        ),
        (
            {"AlgorithmSpecification": {"TrainingInputMode": "File"}},
            "Exactly one of TrainingImage or AlgorithmName must be specified in AlgorithmSpecification; found none",
        ),
        (
            {"ResourceConfig": {"InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
            "Value null at 'resourceConfig.instanceCount' failed to satisfy constraint: Member must not be null",
        ),
        (
            {"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 0, "VolumeSizeInGB": 1}},
            "Value '0' at 'resourceConfig.instanceCount' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1",
        ),
        (
            {"OutputDataConfig": {"S3OutputPath": "https://artifacts/x"}},
            "Invalid S3 URI 'https://artifacts/x' at 'outputDataConfig.s3OutputPath': expected s3://<bucket>/<key>",
        ),
        (
            {"CheckpointConfig": {"S3Uri": "s3://UPPER/x"}},
            "Invalid S3 URI 's3://UPPER/x' at 'checkpointConfig.s3Uri': 'UPPER' is not a valid bucket name",
        ),
    ],
)
def test_a_request_beyond_the_documented_limits_is_refused_and_starts_nothing(
    plane: ControlPlane, training_job: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    code, text = error_of(plane.client.create_training_job, **{**training_job, **change})
    assert (code, message in text) == ("ValidationException", True), text
    assert plane.jobs.calls == []


def test_spot_with_a_sufficient_wait_is_accepted(plane: ControlPlane, training_job: dict[str, Any]) -> None:
    stopping = {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 600}
    plane.client.create_training_job(
        **{**training_job, "EnableManagedSpotTraining": True, "StoppingCondition": stopping}
    )
    assert plane.client.describe_training_job(TrainingJobName="digits-1")["StoppingCondition"] == stopping


def test_channel_names_are_unique(plane: ControlPlane, training_job: dict[str, Any]) -> None:
    training_job["InputDataConfig"] *= 2
    code, message = error_of(plane.client.create_training_job, **training_job)
    assert code == "ValidationException"
    assert message == "Duplicate channel name 'train': channel names must be unique within a request"


def test_stopping_a_running_job_asks_the_supervisor_and_says_so(
    plane: ControlPlane, training_job: dict[str, Any]
) -> None:
    plane.client.create_training_job(**training_job)
    plane.client.stop_training_job(TrainingJobName="digits-1")
    plane.client.stop_training_job(TrainingJobName="digits-1")  # stopping twice is no error
    job = plane.client.describe_training_job(TrainingJobName="digits-1")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopping", "Stopping")
    assert [step["Status"] for step in job["SecondaryStatusTransitions"]] == ["Starting", "Stopping"]
    assert job["SecondaryStatusTransitions"][0]["EndTime"] == job["SecondaryStatusTransitions"][1]["StartTime"]
    assert plane.jobs.calls[1:] == [("stop", "training-job", "digits-1")] * 2


@pytest.mark.parametrize("status", ["Completed", "Failed", "Stopped"])
def test_a_job_that_has_ended_cannot_be_stopped(plane: ControlPlane, training_job: dict[str, Any], status: str) -> None:
    plane.client.create_training_job(**training_job)
    plane.store.update("training-job", "digits-1", lambda job: job.update(TrainingJobStatus=status))
    assert error_of(plane.client.stop_training_job, TrainingJobName="digits-1") == (
        "ValidationException",
        f"The request was rejected because the training job is in status {status}",
    )
    assert plane.jobs.calls == [("start", "training-job", "digits-1")]


def test_only_a_job_that_has_ended_can_be_deleted(plane: ControlPlane, training_job: dict[str, Any]) -> None:
    plane.client.create_training_job(**training_job)
    assert error_of(plane.client.delete_training_job, TrainingJobName="digits-1")[0] == "ResourceInUse"
    plane.store.update("training-job", "digits-1", lambda job: job.update(TrainingJobStatus="Completed"))
    plane.client.delete_training_job(TrainingJobName="digits-1")
    assert plane.client.list_training_jobs()["TrainingJobSummaries"] == []


def test_the_waiter_of_boto3_understands_the_answers(plane: ControlPlane, training_job: dict[str, Any]) -> None:
    plane.client.create_training_job(**training_job)
    plane.store.update("training-job", "digits-1", lambda job: job.update(TrainingJobStatus="Completed"))
    waiter = plane.client.get_waiter("training_job_completed_or_stopped")
    waiter.wait(TrainingJobName="digits-1", WaiterConfig={"MaxAttempts": 1})
