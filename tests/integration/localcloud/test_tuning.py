"""Hyperparameter tuning with real training jobs: containers that print what the objective is made of."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.images.registry import ImageRegistry
from tests.support.embedded_cloud import EmbeddedCloud, allow, eventually, policy, unique

_FINAL = ("Completed", "Failed", "Stopped")
_S3 = ["s3:GetObject", "s3:PutObject", "s3:ListBucket"]
_SERVICE = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "cloudwatch:PutMetricData"]
_SECONDS = 90

# Prints loss = (x - 2)^2, worse by 10 with kind "b"; epochs, seconds between them and a failure are hyperparameters.
TRAIN = """
import json, pathlib, sys, time
given = json.loads(pathlib.Path("/opt/ml/input/config/hyperparameters.json").read_text())
if given.get("fail") == "yes":
    sys.exit("told to fail")
loss = (float(given.get("x", "0")) - 2) ** 2 + (10 if given.get("kind") == "b" else 0)
for epoch in range(int(given.get("epochs", "1"))):
    print(f"loss={loss}" if given.get("silent") != "yes" else "nothing", flush=True)
    time.sleep(float(given.get("seconds", "0")))
"""


class Tuning:
    """A bucket, a role that may do what a training job needs, and an image that runs the script above."""

    def __init__(self, cloud: EmbeddedCloud, image: str) -> None:
        self.cloud, self.image = cloud, image
        self.sagemaker = cloud.client("sagemaker")
        self.bucket = unique("tuning")
        cloud.client("s3").create_bucket(Bucket=self.bucket)
        self.role = cloud.role(unique("tuning"), "sagemaker.amazonaws.com", allow(_S3), allow(_SERVICE))

    def request(self, ranges: dict[str, Any], **members: Any) -> dict[str, Any]:
        """A request that minimizes the loss; ``config``, ``limits``, ``static`` are merged into its parts."""
        limits = {"MaxParallelTrainingJobs": 2, **members.pop("limits", {})}
        config = {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": limits,
            "ParameterRanges": ranges,
            "RandomSeed": 7,
            **members.pop("config", {}),
        }
        definition = {
            "AlgorithmSpecification": {
                "TrainingImage": self.image,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.e+-]+)"}],
            },
            "RoleArn": self.role,
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/output"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 300},
            "StaticHyperParameters": members.pop("static", {}),
        }
        return {
            "HyperParameterTuningJobName": unique("tune"),
            "HyperParameterTuningJobConfig": config,
            "TrainingJobDefinition": definition,
            **members,
        }

    def start(self, ranges: dict[str, Any], **members: Any) -> str:
        request = self.request(ranges, **members)
        self.sagemaker.create_hyper_parameter_tuning_job(**request)
        return request["HyperParameterTuningJobName"]

    def describe(self, name: str) -> dict[str, Any]:
        return self.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)

    def ended(self, name: str) -> dict[str, Any]:
        def final() -> dict[str, Any] | None:
            job = self.describe(name)
            return job if job["HyperParameterTuningJobStatus"] in _FINAL else None

        return eventually(final, _SECONDS)

    def tuned(self, ranges: dict[str, Any], **members: Any) -> dict[str, Any]:
        return self.ended(self.start(ranges, **members))

    def trials(self, name: str, **arguments: Any) -> list[dict[str, Any]]:
        pages = self.sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
            HyperParameterTuningJobName=name, **arguments
        )
        return [summary for page in pages for summary in page["TrainingJobSummaries"]]


@pytest.fixture(scope="module")
def tuning(cloud: EmbeddedCloud, tmp_path_factory: pytest.TempPathFactory) -> Tuning:
    return Tuning(cloud, build_image(cloud, tmp_path_factory.mktemp("image")))


def build_image(cloud: EmbeddedCloud, context: Path) -> str:
    command = json.dumps(["python3", "/opt/program/train.py"])
    (context / "Dockerfile").write_text(
        f"FROM python:3.{sys.version_info.minor}\nCOPY train.py /opt/program/train.py\nENTRYPOINT {command}\n"
    )
    (context / "train.py").write_text(TRAIN)
    registry = ImageRegistry(SimpleNamespace(state_dir=cloud.state_dir, account=cloud.account))
    registry.build(context, context / "Dockerfile", {}, "tuned:1")
    return "tuned:1"


def continuous(low: str = "-5", high: str = "5", **members: str) -> dict[str, Any]:
    return {"ContinuousParameterRanges": [{"Name": "x", "MinValue": low, "MaxValue": high, **members}]}


def categories(name: str, *values: str) -> dict[str, Any]:
    return {"CategoricalParameterRanges": [{"Name": name, "Values": list(values)}]}


def objective(summary: dict[str, Any]) -> float:
    return summary["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]


@pytest.mark.real_effect("CreateHyperParameterTuningJob", "DescribeHyperParameterTuningJob")
def test_bayesian_search_finds_the_minimum_of_a_known_function(tuning: Tuning) -> None:
    ranges = continuous() | categories("kind", "a", "b")
    # One at a time: each choice knows of all results, so that the seed decides on the whole search.
    limits = {"MaxNumberOfTrainingJobs": 16, "MaxParallelTrainingJobs": 1}
    job = tuning.tuned(ranges, config={"Strategy": "Bayesian"}, limits=limits)
    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    best = job["BestTrainingJob"]
    assert best["TunedHyperParameters"]["kind"] == "a"
    assert objective(best) == pytest.approx((float(best["TunedHyperParameters"]["x"]) - 2) ** 2)
    assert objective(best) < 0.5
    trials = tuning.trials(job["HyperParameterTuningJobName"], SortBy="FinalObjectiveMetricValue", MaxResults=5)
    assert [objective(trial) for trial in trials] == sorted(objective(trial) for trial in trials)
    assert trials[0]["TrainingJobName"] == best["TrainingJobName"]
    assert (len(trials), job["TrainingJobStatusCounters"]["Completed"]) == (16, 16)


@pytest.mark.real_effect("ListTrainingJobsForHyperParameterTuningJob")
def test_the_training_jobs_are_ordinary_ones_that_know_their_tuning_job(tuning: Tuning) -> None:
    job = tuning.tuned(
        categories("x", "1", "2", "3"),
        config={"Strategy": "Grid"},
        static={"epochs": "2"},
        Tags=[{"Key": "team", "Value": "digits"}],
    )
    name = job["HyperParameterTuningJobName"]
    trials = tuning.trials(name)
    assert [trial["TunedHyperParameters"]["x"] for trial in trials] == ["1", "2", "3"]
    assert job["BestTrainingJob"]["TunedHyperParameters"] == {"x": "2"}
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 3, "Pending": 0, "Failed": 0}
    training = tuning.sagemaker.describe_training_job(TrainingJobName=trials[0]["TrainingJobName"])
    assert training["TrainingJobName"].startswith(f"{name}-001-")
    assert training["TuningJobArn"] == job["HyperParameterTuningJobArn"]
    assert training["HyperParameters"] == {"x": "1", "epochs": "2", "_tuning_objective_metric": "loss"}
    assert training["ModelArtifacts"]["S3ModelArtifacts"].startswith(f"s3://{tuning.bucket}/output/{name}-001-")
    tags = tuning.sagemaker.list_tags(ResourceArn=training["TrainingJobArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "digits"}]


def test_the_parallel_limit_is_reached_and_never_exceeded(tuning: Tuning) -> None:
    job = tuning.tuned(
        categories("x", "1", "2", "3", "4", "5", "6"),
        config={"Strategy": "Grid"},
        limits={"MaxParallelTrainingJobs": 3},
        static={"seconds": "1"},
    )
    trials = tuning.trials(job["HyperParameterTuningJobName"])
    assert len(trials) == 6
    times = [(trial["CreationTime"], trial["TrainingEndTime"]) for trial in trials]
    at_once = [sum(start <= moment < end for start, end in times) for moment, _ in times]
    assert max(at_once) == 3


def test_early_stopping_ends_a_training_job_that_does_worse_than_the_others(tuning: Tuning) -> None:
    job = tuning.tuned(
        categories("x", "2", "5"),
        config={"Strategy": "Grid", "TrainingJobEarlyStoppingType": "Auto"},
        limits={"MaxParallelTrainingJobs": 1},
        static={"epochs": "12", "seconds": "0.25"},
    )
    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    good, bad = tuning.trials(job["HyperParameterTuningJobName"], SortBy="CreationTime")
    assert (good["TrainingJobStatus"], bad["TrainingJobStatus"]) == ("Completed", "Stopped")
    assert job["TrainingJobStatusCounters"]["Stopped"] == 1
    assert (objective(bad), bad["ObjectiveStatus"]) == (9.0, "Succeeded")
    assert job["BestTrainingJob"]["TrainingJobName"] == good["TrainingJobName"]


def test_hyperband_ends_training_jobs_at_the_maximum_of_their_resource(tuning: Tuning) -> None:
    config = {
        "Strategy": "Hyperband",
        "StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 3}},
    }
    job = tuning.tuned(
        continuous(),
        config=config,
        limits={"MaxNumberOfTrainingJobs": 2},
        static={"epochs": "1000", "seconds": "0.2"},
    )
    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    assert job["TrainingJobStatusCounters"]["Stopped"] == 2


def test_a_warm_start_goes_on_from_what_the_parent_found(tuning: Tuning) -> None:
    parent = tuning.tuned(categories("x", "2", "4"), config={"Strategy": "Grid"})
    warm = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": parent["HyperParameterTuningJobName"]}],
        "WarmStartType": "IdenticalDataAndAlgorithm",
    }
    # Of the three values two were tried by the parent: only the third is left.
    job = tuning.tuned(
        categories("x", "2", "3", "4"),
        limits={"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
        WarmStartConfig=warm,
    )
    assert job["BestTrainingJob"]["TunedHyperParameters"] == {"x": "3"}
    assert job["OverallBestTrainingJob"]["TrainingJobName"] == parent["BestTrainingJob"]["TrainingJobName"]
    assert job["OverallBestTrainingJob"]["TuningJobName"] == parent["HyperParameterTuningJobName"]


def test_a_reached_target_ends_the_search(tuning: Tuning) -> None:
    job = tuning.tuned(
        categories("x", "2", "3", "4", "5"),
        config={"Strategy": "Grid", "TuningJobCompletionCriteria": {"TargetObjectiveMetricValue": 0.5}},
        limits={"MaxParallelTrainingJobs": 1},
    )
    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    assert len(tuning.trials(job["HyperParameterTuningJobName"])) == 1


def test_failed_training_jobs_are_counted_and_fail_the_tuning_job_only_together(tuning: Tuning) -> None:
    some = tuning.tuned(categories("fail", "yes", "no"), config={"Strategy": "Grid"})
    assert some["HyperParameterTuningJobStatus"] == "Completed"
    assert some["TrainingJobStatusCounters"]["NonRetryableError"] == 1
    assert some["ObjectiveStatusCounters"] == {"Succeeded": 1, "Pending": 0, "Failed": 1}
    every = tuning.tuned(categories("x", "1", "2"), config={"Strategy": "Grid"}, static={"fail": "yes"})
    assert every["HyperParameterTuningJobStatus"] == "Failed"
    assert every["FailureReason"].startswith("All training jobs failed.")
    assert "BestTrainingJob" not in every


def test_a_metric_that_is_never_printed_fails_the_tuning_job(tuning: Tuning) -> None:
    job = tuning.tuned(categories("x", "1", "2"), config={"Strategy": "Grid"}, static={"silent": "yes"})
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("No objective metrics found after running 2 training jobs.")


@pytest.mark.real_effect("StopHyperParameterTuningJob")
def test_stopping_a_tuning_job_stops_its_training_jobs(tuning: Tuning) -> None:
    name = tuning.start(
        categories("x", "1", "2", "3"), config={"Strategy": "Grid"}, static={"epochs": "1000", "seconds": "0.2"}
    )
    eventually(lambda: len(tuning.trials(name)) == 2)
    tuning.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert tuning.ended(name)["HyperParameterTuningJobStatus"] == "Stopped"
    assert [trial["TrainingJobStatus"] for trial in tuning.trials(name)] == ["Stopped", "Stopped"]


def test_eventbridge_hears_of_each_state_of_a_tuning_job(tuning: Tuning) -> None:
    sqs, events, name = tuning.cloud.client("sqs"), tuning.cloud.client("events"), unique("tune")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    admit = {**allow("sqs:SendMessage", arn), "Principal": {"Service": "events.amazonaws.com"}}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy(admit)})
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker HyperParameter Tuning Job State Change"],
        "detail": {"HyperParameterTuningJobName": [name]},
    }
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    tuning.tuned(categories("x", "1", "2"), config={"Strategy": "Grid"}, HyperParameterTuningJobName=name)
    seen: dict[str, dict[str, Any]] = {}

    def heard() -> bool:
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            detail = json.loads(message["Body"])["detail"]
            seen[detail["HyperParameterTuningJobStatus"]] = detail
        return "Completed" in seen

    eventually(heard)
    assert set(seen) == {"InProgress", "Completed"}
    assert seen["Completed"]["TrainingJobStatusCounters"]["Completed"] == 2
    assert seen["Completed"]["BestTrainingJob"]["TunedHyperParameters"] == {"x": "2"}


def test_step_functions_waits_for_a_tuning_job(tuning: Tuning) -> None:
    cloud = tuning.cloud
    request = tuning.request(categories("x", "1", "2"), config={"Strategy": "Grid"})
    definition = {
        "StartAt": "Tune",
        "States": {
            "Tune": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sagemaker:createHyperParameterTuningJob.sync",
                "Parameters": request,
                "End": True,
            }
        },
    }
    rule = f"arn:aws:events:{cloud.region}:{cloud.account}:rule/StepFunctionsGetEventsForSageMakerTuningJobsRule"
    role = cloud.role(
        unique("tuner"),
        "states.amazonaws.com",
        allow(["sagemaker:*HyperParameterTuningJob", "sagemaker:ListTags", "sagemaker:AddTags", "iam:PassRole"]),
        allow(["events:PutTargets", "events:PutRule", "events:DescribeRule"], rule),
    )
    states = cloud.client("stepfunctions")
    machine = states.create_state_machine(name=unique("tune"), definition=json.dumps(definition), roleArn=role)
    started = states.start_execution(stateMachineArn=machine["stateMachineArn"], input="{}")

    def ended() -> dict[str, Any] | None:
        execution = states.describe_execution(executionArn=started["executionArn"])
        return execution if execution["status"] != "RUNNING" else None

    execution = eventually(ended, _SECONDS)
    assert execution["status"] == "SUCCEEDED", execution
    assert json.loads(execution["output"])["BestTrainingJob"]["TunedHyperParameters"] == {"x": "2"}


def test_a_tuning_job_goes_on_after_a_kill_of_the_cloud(tmp_path: Path) -> None:
    first = EmbeddedCloud.start(tmp_path / "state")
    (tmp_path / "image").mkdir()
    tuning = Tuning(first, build_image(first, tmp_path / "image"))
    name = tuning.start(
        categories("x", "1", "2", "3"),
        config={"Strategy": "Grid"},
        limits={"MaxParallelTrainingJobs": 1},
        static={"epochs": "4", "seconds": "0.2"},
    )
    eventually(lambda: tuning.describe(name)["TrainingJobStatusCounters"]["Completed"] == 1)
    first.kill()
    second = EmbeddedCloud.start(tmp_path / "state", first.port)
    try:
        job = tuning.ended(name)
        counters = job["TrainingJobStatusCounters"]
        # What ran at the kill is repeated; where the kill came between two training jobs, nothing is.
        assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
        assert (counters["Completed"], counters["InProgress"]) == (3, 0)
        completed = tuning.trials(name, StatusEquals="Completed")
        assert {trial["TunedHyperParameters"]["x"] for trial in completed} == {"1", "2", "3"}
    finally:
        second.stop()
