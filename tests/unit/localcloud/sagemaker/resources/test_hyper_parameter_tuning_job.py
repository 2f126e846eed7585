"""Tuning jobs: what a request must say, and how they are listed. What they do is in the integration tests."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from ..conftest import ACCOUNT, IMAGE, REGION, ROLE, ControlPlane, error_of

ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:hyper-parameter-tuning-job/digits"
NAME = {"HyperParameterTuningJobName": "digits"}
Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def tuning_job() -> dict[str, Any]:
    """A CreateHyperParameterTuningJob request that is accepted."""
    return {
        **NAME,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "accuracy"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": {
                "ContinuousParameterRanges": [{"Name": "rate", "MinValue": "0.001", "MaxValue": "0.1"}],
                "CategoricalParameterRanges": [{"Name": "network", "Values": ["cnn", "vgg"]}],
            },
        },
        "TrainingJobDefinition": definition(),
    }


def definition(**members: Any) -> dict[str, Any]:
    return {
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}],
        },
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": "s3://artifacts/digits/"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "StaticHyperParameters": {"epochs": "3"},
        **members,
    }


def test_a_created_job_is_described_as_requested_and_started(plane: ControlPlane, tuning_job: dict[str, Any]) -> None:
    assert plane.client.create_hyper_parameter_tuning_job(**tuning_job)["HyperParameterTuningJobArn"] == ARN
    job = plane.client.describe_hyper_parameter_tuning_job(**NAME)
    assert job["HyperParameterTuningJobConfig"] == tuning_job["HyperParameterTuningJobConfig"]
    assert job["HyperParameterTuningJobStatus"] == "InProgress"
    static = job["TrainingJobDefinition"]["StaticHyperParameters"]
    assert static == {"epochs": "3", "_tuning_objective_metric": "accuracy"}
    assert set(job["TrainingJobStatusCounters"].values()) == set(job["ObjectiveStatusCounters"].values()) == {0}
    assert plane.jobs.calls == [("start", "hyper-parameter-tuning-job", "digits")]
    assert [name for name, _ in plane.events()] == ["SageMaker HyperParameter Tuning Job State Change"]


def test_a_taken_name_is_in_use(plane: ControlPlane, tuning_job: dict[str, Any]) -> None:
    plane.client.create_hyper_parameter_tuning_job(**tuning_job)
    code, message = error_of(plane.client.create_hyper_parameter_tuning_job, **tuning_job)
    assert (code, ARN in message) == ("ResourceInUse", True)


@pytest.mark.parametrize("verb", ["describe", "stop", "delete"])
def test_a_missing_job_is_not_found(plane: ControlPlane, verb: str) -> None:
    code, message = error_of(getattr(plane.client, f"{verb}_hyper_parameter_tuning_job"), **NAME)
    assert (code, message) == ("ResourceNotFound", "Amazon SageMaker can't find a tuning job with the name digits")


def test_the_role_of_the_training_jobs_must_be_the_callers_to_pass(
    plane: ControlPlane, tuning_job: dict[str, Any]
) -> None:
    plane.authorizer.denied.add(("iam:PassRole", ROLE))
    code, message = error_of(plane.client.create_hyper_parameter_tuning_job, **tuning_job)
    assert (code, ROLE in message) == ("AccessDeniedException", True)


def _config(**members: Any) -> Change:
    return lambda request: request["HyperParameterTuningJobConfig"].update(members)


def _limits(**members: int) -> Change:
    return _config(ResourceLimits={"MaxParallelTrainingJobs": 1, **members})


def _ranges(**members: Any) -> Change:
    return _config(ParameterRanges=members)


def _definition(**members: Any) -> Change:
    return lambda request: request["TrainingJobDefinition"].update(members)


def _continuous(name: str) -> dict[str, str]:
    return {"Name": name, "MinValue": "0", "MaxValue": "1"}


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (lambda request: request.pop("TrainingJobDefinition"), "ValidationException", "found none"),
        (
            lambda request: request.update(TrainingJobDefinitions=[definition(DefinitionName="a")]),
            "ValidationException",
            "found TrainingJobDefinition and TrainingJobDefinitions",
        ),
        (
            lambda request: request["HyperParameterTuningJobConfig"].pop("HyperParameterTuningJobObjective"),
            "ValidationException",
            "hyperParameterTuningJobObjective",
        ),
        (_config(Strategy="Grid"), "ValidationException", "only categorical parameter ranges; 'rate'"),
        (
            _limits(MaxNumberOfTrainingJobs=3, MaxParallelTrainingJobs=4),
            "ValidationException",
            "MaxParallelTrainingJobs, [4], must be less than or equal to the value of MaxNumberOfTrainingJobs, [3]",
        ),
        (_limits(), "ValidationException", "MaxNumberOfTrainingJobs or MaxRuntimeInSeconds must be specified"),
        (_limits(MaxNumberOfTrainingJobs=751), "ResourceLimitExceeded", "is 750, with a request of 751"),
        (
            _limits(MaxNumberOfTrainingJobs=200, MaxParallelTrainingJobs=101),
            "ResourceLimitExceeded",
            "is 100, with a request of 101",
        ),
        (
            _ranges(
                IntegerParameterRanges=[_continuous(f"i{number}") for number in range(11)],
                ContinuousParameterRanges=[_continuous(f"x{number}") for number in range(20)],
            ),
            "ResourceLimitExceeded",
            "is 30, with a request of 31",
        ),
        (_ranges(), "ValidationException", "At least one hyperparameter range"),
        (
            _ranges(CategoricalParameterRanges=[{"Name": "network", "Values": ["cnn", "vgg"]}]),
            "ValidationException",
            "for the provided ranges [2] must be equal or greater than the value of MaxNumberOfJobs, [3]",
        ),
        (_ranges(ContinuousParameterRanges=[_continuous("epochs")]), "ValidationException", "'epochs' cannot be both"),
        (
            _ranges(
                ContinuousParameterRanges=[_continuous("x")],
                CategoricalParameterRanges=[{"Name": "x", "Values": ["1"]}],
            ),
            "ValidationException",
            "'x'",
        ),
        (
            _ranges(ContinuousParameterRanges=[{"Name": "x", "MinValue": "1", "MaxValue": "0"}]),
            "ValidationException",
            "MinValue 1",
        ),
        (_ranges(AutoParameters=[{"Name": "x", "ValueHint": "1"}]), "ValidationException", "Autotune"),
        (
            _config(HyperParameterTuningJobObjective={"Type": "Maximize", "MetricName": "f1"}),
            "ValidationException",
            "A metric is required for this hyperparameter tuning job objective. Provide a metric in the metric "
            "definitions. There is none named 'f1'",
        ),
        (
            _config(StrategyConfig={"HyperbandStrategyConfig": {"MaxResource": 9}}),
            "ValidationException",
            "the strategy is Random",
        ),
        (
            _config(Strategy="Hyperband", TrainingJobEarlyStoppingType="Auto"),
            "ValidationException",
            "must be Off for the strategy Hyperband",
        ),
        (
            _config(Strategy="Hyperband", StrategyConfig={"HyperbandStrategyConfig": {"MinResource": 4}}),
            "ValidationException",
            "MinResource, [4], must be less than or equal to MaxResource, [3]",
        ),
        (
            _config(TuningJobCompletionCriteria={"ConvergenceDetected": {"CompleteOnConvergence": "Enabled"}}),
            "ValidationException",
            "does not cover ConvergenceDetected",
        ),
        (_definition(OutputDataConfig={"S3OutputPath": "artifacts"}), "ValidationException", "artifacts"),
        (
            _definition(InputDataConfig=[{"ChannelName": "train", "DataSource": {}}]),
            "ValidationException",
            "S3DataSource",
        ),
        (
            lambda request: request.update(
                WarmStartConfig={
                    "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "absent"}],
                    "WarmStartType": "TransferLearning",
                }
            ),
            "ValidationException",
            "'absent' does not exist",
        ),
    ],
)
def test_what_sagemaker_refuses_is_refused(
    plane: ControlPlane, tuning_job: dict[str, Any], change: Change, code: str, message: str
) -> None:
    change(tuning_job)
    found = error_of(plane.client.create_hyper_parameter_tuning_job, **tuning_job)
    assert found[0] == code, found
    assert message in found[1]
    assert plane.jobs.calls == []


def _several(request: dict[str, Any], *kinds: str) -> None:
    config = request["HyperParameterTuningJobConfig"]
    ranges, objective = config.pop("ParameterRanges"), config.pop("HyperParameterTuningJobObjective")
    del request["TrainingJobDefinition"]
    request["TrainingJobDefinitions"] = [
        definition(
            DefinitionName=f"algorithm-{number}",
            HyperParameterRanges=ranges,
            TuningObjective={**objective, "Type": kind},
        )
        for number, kind in enumerate(kinds)
    ]


def test_several_definitions_have_an_objective_and_ranges_each(plane: ControlPlane, tuning_job: dict[str, Any]) -> None:
    _several(tuning_job, "Maximize", "Maximize")
    incomplete = copy.deepcopy(tuning_job)
    del incomplete["TrainingJobDefinitions"][1]["TuningObjective"]
    assert (
        "trainingJobDefinitions.2.member.tuningObjective"
        in error_of(plane.client.create_hyper_parameter_tuning_job, **incomplete)[1]
    )
    plane.client.create_hyper_parameter_tuning_job(**tuning_job)
    names = [
        body["DefinitionName"]
        for body in plane.client.describe_hyper_parameter_tuning_job(**NAME)["TrainingJobDefinitions"]
    ]
    assert names == ["algorithm-0", "algorithm-1"]


def test_objectives_that_cannot_be_compared_are_refused(plane: ControlPlane, tuning_job: dict[str, Any]) -> None:
    _several(tuning_job, "Maximize", "Minimize")
    assert "same type" in error_of(plane.client.create_hyper_parameter_tuning_job, **tuning_job)[1]


def _end(job: dict[str, Any]) -> None:
    job["HyperParameterTuningJobStatus"] = "Completed"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_config(HyperParameterTuningJobObjective={"Type": "Minimize", "MetricName": "accuracy"}), "Maximize accuracy"),
        (_definition(StaticHyperParameters={"epochs": "3", "more": "1"}), "'more'"),
        (
            _definition(
                InputDataConfig=[
                    {
                        "ChannelName": "train",
                        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://other/data"}},
                    }
                ]
            ),
            "use TransferLearning for others",
        ),
    ],
)
def test_a_warm_start_must_fit_its_parent(
    plane: ControlPlane, tuning_job: dict[str, Any], change: Change, message: str
) -> None:
    plane.client.create_hyper_parameter_tuning_job(**tuning_job)
    warm = {"ParentHyperParameterTuningJobs": [NAME], "WarmStartType": "IdenticalDataAndAlgorithm"}
    child = {**copy.deepcopy(tuning_job), "HyperParameterTuningJobName": "child", "WarmStartConfig": warm}
    assert "in status InProgress" in error_of(plane.client.create_hyper_parameter_tuning_job, **child)[1]
    plane.store.update("hyper-parameter-tuning-job", "digits", _end)
    refused = copy.deepcopy(child)
    change(refused)
    assert message in error_of(plane.client.create_hyper_parameter_tuning_job, **refused)[1]
    plane.client.create_hyper_parameter_tuning_job(**child)


def test_listings_are_paged_filtered_and_sorted(plane: ControlPlane, tuning_job: dict[str, Any]) -> None:
    for name in ("c", "a", "b"):
        plane.client.create_hyper_parameter_tuning_job(**{**tuning_job, "HyperParameterTuningJobName": name})
    plane.store.update("hyper-parameter-tuning-job", "b", _end)
    paginator = plane.client.get_paginator("list_hyper_parameter_tuning_jobs")
    pages = list(paginator.paginate(PaginationConfig={"PageSize": 2}))
    found = [summary for page in pages for summary in page["HyperParameterTuningJobSummaries"]]
    assert [summary["HyperParameterTuningJobName"] for summary in found] == ["a", "b", "c"]
    assert (len(pages), found[0]["Strategy"]) == (2, "Random")
    assert found[0]["ResourceLimits"] == tuning_job["HyperParameterTuningJobConfig"]["ResourceLimits"]
    ended = plane.client.list_hyper_parameter_tuning_jobs(StatusEquals="Completed")["HyperParameterTuningJobSummaries"]
    assert [summary["HyperParameterTuningJobName"] for summary in ended] == ["b"]


def test_only_a_job_that_has_ended_can_be_deleted(plane: ControlPlane, tuning_job: dict[str, Any]) -> None:
    plane.client.create_hyper_parameter_tuning_job(**tuning_job)
    assert error_of(plane.client.delete_hyper_parameter_tuning_job, **NAME)[0] == "ResourceInUse"
    plane.client.stop_hyper_parameter_tuning_job(**NAME)
    assert plane.jobs.calls[-1] == ("stop", "hyper-parameter-tuning-job", "digits")
    plane.store.update("hyper-parameter-tuning-job", "digits", _end)
    assert error_of(plane.client.stop_hyper_parameter_tuning_job, **NAME)[0] == "ValidationException"
    plane.client.delete_hyper_parameter_tuning_job(**NAME)
    assert error_of(plane.client.describe_hyper_parameter_tuning_job, **NAME)[0] == "ResourceNotFound"
