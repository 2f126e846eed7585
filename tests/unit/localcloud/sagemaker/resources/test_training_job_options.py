"""What a training job may ask for beyond training: warm pools, Debugger, experiments, retries."""

from __future__ import annotations

from typing import Any

import pytest

from ..conftest import ControlPlane, error_of

_PLACE = {"S3OutputPath": "s3://artifacts/debug"}
_RULE = {"RuleConfigurationName": "LossNotDecreasing", "RuleEvaluatorImage": "rules:latest"}


@pytest.mark.parametrize(
    "members",
    [
        {"RetryStrategy": {"MaximumRetryAttempts": 3}},
        {"DebugHookConfig": {**_PLACE, "CollectionConfigurations": [{"CollectionName": "losses"}]}},
        {"TensorBoardOutputConfig": _PLACE},
        {"StoppingCondition": {"MaxRuntimeInSeconds": 600, "MaxPendingTimeInSeconds": 7200}},
    ],
)
def test_what_is_asked_for_is_kept(plane: ControlPlane, training_job: dict[str, Any], members: dict[str, Any]) -> None:
    plane.client.create_training_job(**{**training_job, **members})
    job = plane.client.describe_training_job(TrainingJobName="digits-1")
    assert {member: job[member] for member in members} == members


def test_a_job_is_in_the_trial_that_its_experiment_configuration_names(
    plane: ControlPlane, training_job: dict[str, Any]
) -> None:
    config = {"ExperimentName": "digits", "TrialName": "first", "RunName": "run"}
    plane.client.create_experiment(ExperimentName="digits")
    plane.client.create_trial(TrialName="first", ExperimentName="digits")
    plane.client.create_training_job(**training_job, ExperimentConfig=config)
    assert plane.client.describe_training_job(TrainingJobName="digits-1")["ExperimentConfig"] == config
    (component,) = plane.client.list_trial_components(TrialName="first")["TrialComponentSummaries"]
    assert component["TrialComponentName"] == "digits-1-aws-training-job"


def test_a_profiler_configuration_is_kept_and_said_to_have_no_effect(
    plane: ControlPlane, training_job: dict[str, Any]
) -> None:
    plane.client.create_training_job(**training_job, ProfilerConfig=_PLACE)
    job = plane.client.describe_training_job(TrainingJobName="digits-1")
    assert (job["ProfilerConfig"], job["ProfilingStatus"]) == (_PLACE, "Disabled")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"DebugRuleConfigurations": [_RULE]},
            "The embedded cloud does not cover DebugRuleConfigurations: "
            "it has no images for the rules of SageMaker Debugger",
        ),
        (
            {"RemoteDebugConfig": {"EnableRemoteDebug": True}},
            "The embedded cloud does not cover RemoteDebugConfig: its instances have no shell",
        ),
        (
            {"DebugHookConfig": {"S3OutputPath": "s3://UPPER/x"}},
            "Invalid S3 URI 's3://UPPER/x' at 'debugHookConfig.s3OutputPath': 'UPPER' is not a valid bucket name",
        ),
    ],
)
def test_what_would_have_no_effect_is_refused(
    plane: ControlPlane, training_job: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    assert error_of(plane.client.create_training_job, **{**training_job, **change}) == ("ValidationException", message)
    assert plane.jobs.calls == []


def test_a_spot_job_leaves_no_warm_pool(plane: ControlPlane, training_job: dict[str, Any]) -> None:
    training_job["ResourceConfig"]["KeepAlivePeriodInSeconds"] = 60
    training_job["StoppingCondition"] = {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 600}
    code, message = error_of(plane.client.create_training_job, **training_job, EnableManagedSpotTraining=True)
    assert code == "ValidationException"
    assert message == "Invalid KeepAlivePeriodInSeconds 60. It must be 0 when EnableManagedSpotTraining is true"


class TestUpdate:
    @pytest.fixture(autouse=True)
    def create(self, plane: ControlPlane, training_job: dict[str, Any]) -> None:
        plane.client.create_training_job(**training_job)

    def _update(self, plane: ControlPlane, **members: Any) -> tuple[str, str]:
        return error_of(plane.client.update_training_job, TrainingJobName="digits-1", **members)

    def test_a_running_job_takes_another_keep_alive_period(self, plane: ControlPlane) -> None:
        plane.client.update_training_job(TrainingJobName="digits-1", ResourceConfig={"KeepAlivePeriodInSeconds": 60})
        resources = plane.client.describe_training_job(TrainingJobName="digits-1")["ResourceConfig"]
        assert (resources["KeepAlivePeriodInSeconds"], resources["InstanceType"]) == (60, "ml.m5.large")
        assert plane.jobs.calls[-1] == ("update_keep_alive", "digits-1")

    def test_a_job_that_has_ended_takes_nothing_unless_its_pool_is_available(self, plane: ControlPlane) -> None:
        plane.store.update("training-job", "digits-1", lambda job: job.update(TrainingJobStatus="Completed"))
        code, message = self._update(plane, ResourceConfig={"KeepAlivePeriodInSeconds": 60})
        assert code == "ValidationException"
        assert message == (
            "The training job digits-1 cannot be updated: its status is Completed and its warm pool is not there"
        )
        plane.store.update("training-job", "digits-1", lambda job: job.update(WarmPoolStatus={"Status": "Available"}))
        plane.client.update_training_job(TrainingJobName="digits-1", ResourceConfig={"KeepAlivePeriodInSeconds": 0})

    def test_a_remote_shell_is_refused(self, plane: ControlPlane) -> None:
        found = self._update(plane, RemoteDebugConfig={"EnableRemoteDebug": True})
        message = "The embedded cloud does not cover RemoteDebugConfig: its instances have no shell"
        assert found == ("ValidationException", message)

    def test_a_missing_job_is_not_found(self, plane: ControlPlane) -> None:
        found = error_of(plane.client.update_training_job, TrainingJobName="absent")
        assert found == ("ValidationException", "Requested resource not found.")


def test_jobs_are_listed_by_their_warm_pool(plane: ControlPlane, training_job: dict[str, Any]) -> None:
    for name in ("warm", "cold"):
        plane.client.create_training_job(**{**training_job, "TrainingJobName": name})
    plane.store.update("training-job", "warm", lambda job: job.update(WarmPoolStatus={"Status": "InUse"}))
    listed = plane.client.list_training_jobs(WarmPoolStatusEquals="InUse")["TrainingJobSummaries"]
    assert [(job["TrainingJobName"], job["WarmPoolStatus"]) for job in listed] == [("warm", {"Status": "InUse"})]
