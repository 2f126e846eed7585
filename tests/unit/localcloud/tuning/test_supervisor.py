"""Tuning jobs driven to their end, with training jobs that end when the test says so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.sagemaker.jobs import failures
from localcloud.sagemaker.jobs.metric_history import MetricHistory
from localcloud.sagemaker.jobs.metrics import Measurement
from localcloud.sagemaker.resources.hyper_parameter_tuning_job import OPERATIONS
from localcloud.sagemaker.resources.resource import Call, ControlPlane
from localcloud.sagemaker.store import Store
from localcloud.sagemaker.tuning.supervisor import TuningSupervisor
from tests.support.embedded_cloud import eventually

Document = dict[str, Any]
CATEGORIES = {"CategoricalParameterRanges": [{"Name": "x", "Values": [str(number) for number in range(6)]}]}
RANGE = {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "9"}]}


@dataclass
class Trainer:
    """The supervisor of training jobs, as far as a tuning job sees it: it remembers, and ends jobs when told."""

    store: Store
    started: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    most_at_once: int = 0
    ended: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, _kind: str, name: str) -> None:
        with self.lock:
            self.started.append(name)
            self.most_at_once = max(self.most_at_once, len(self.started) - self.ended)

    def stop(self, _kind: str, name: str) -> None:
        self.stopped.append(name)
        self.end(name, status="Stopped")

    def end(self, name: str, value: float | None = None, status: str = "Completed", reason: str | None = None) -> None:
        def change(job: Document) -> None:
            job |= {"TrainingJobStatus": status, "TrainingEndTime": job["CreationTime"] + 1}
            if value is not None:
                job["FinalMetricDataList"] = [{"MetricName": "loss", "Value": value}]
            if reason is not None:
                job["FailureReason"] = reason

        with self.lock:
            self.ended += 1
        self.store.update("training-job", name, change)


class Tuning:
    """A tuning supervisor on a store of its own, and a clock that the test moves."""

    def __init__(self, path: Path) -> None:
        self.now, self.clock_error = 1000.0, 0.0
        self.store = Store(path)
        self.trainer = Trainer(self.store)
        self.begin()

    def begin(self) -> None:
        """(Again) a supervisor on what the store holds."""
        self.history = MetricHistory()
        config = SimpleNamespace(region="eu-west-1", account="123456789012")
        clocks = {"now": lambda: self.now + self.clock_error, "monotonic": lambda: self.now}
        common = {"config": config, "store": self.store, "endpoints": None, "authorize": lambda *_: True}
        as_service = ControlPlane(**common, jobs=self.trainer, **clocks)
        self.supervisor = TuningSupervisor(as_service, self.history)
        plane = ControlPlane(**common, jobs=self.supervisor, **clocks)
        self.call = Call(plane=plane, caller=SimpleNamespace(arn="arn:aws:iam::123456789012:root"))
        self.supervisor.recover()

    def create(self, ranges: Document, *, parallel: int = 1, request: Document | None = None, **config: Any) -> None:
        """``request`` stands in the place of the definition, ``config`` is merged into the tuning job's."""
        limits = {"MaxParallelTrainingJobs": parallel, **config.pop("limits", {})}
        tuning = {"Strategy": "Grid", "ResourceLimits": limits, "RandomSeed": 1, **config}
        request = request or {"TrainingJobDefinition": definition()}
        if "TrainingJobDefinition" in request:
            objective = {"Type": "Minimize", "MetricName": "loss"}
            tuning |= {"ParameterRanges": ranges, "HyperParameterTuningJobObjective": objective}
        name = {"HyperParameterTuningJobName": "tune", "HyperParameterTuningJobConfig": tuning}
        OPERATIONS["CreateHyperParameterTuningJob"](self.call, name | request)

    def describe(self) -> Document:
        return self.store.get("hyper-parameter-tuning-job", "tune")

    def counts(self, status: str) -> int:
        return self.describe()["TrainingJobStatusCounters"][status]

    def wait(self, count: int) -> str:
        """The name of the training job number ``count`` (from 1), once it is started."""
        eventually(lambda: len(self.trainer.started) >= count)
        return self.trainer.started[count - 1]

    def final(self) -> Document:
        eventually(lambda: self.describe()["HyperParameterTuningJobStatus"] in ("Completed", "Failed", "Stopped"))
        return self.describe()

    def training(self, name: str) -> Document:
        return self.store.get("training-job", name)


def definition(**members: Any) -> Document:
    return {
        "AlgorithmSpecification": {
            "TrainingImage": "image:1",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*)"}],
        },
        "RoleArn": "arn:aws:iam::123456789012:role/training",
        "OutputDataConfig": {"S3OutputPath": "s3://artifacts/output"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "HyperParameterTuningResourceConfig": {
            "InstanceConfigs": [{"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}]
        },
        "CheckpointConfig": {"S3Uri": "s3://artifacts/checkpoints/"},
        **members,
    }


@pytest.fixture
def tuning(tmp_path: Path) -> Iterator[Tuning]:
    running = Tuning(tmp_path / "store.sqlite")
    yield running
    running.supervisor.shutdown()
    running.store.close()


def test_each_end_makes_room_for_the_next_and_no_more(tuning: Tuning) -> None:
    tuning.create(CATEGORIES, parallel=2)
    for count in range(1, 7):
        tuning.wait(min(count + 1, 6))
        assert len(tuning.trainer.started) == min(count + 1, 6)
        tuning.trainer.end(tuning.trainer.started[count - 1], value=float(count))
    job = tuning.final()
    assert (job["HyperParameterTuningJobStatus"], tuning.trainer.most_at_once) == ("Completed", 2)
    assert job["BestTrainingJob"]["TrainingJobName"] == tuning.trainer.started[0]
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 6, "Pending": 0, "Failed": 0}


def test_a_training_job_has_its_own_checkpoints_and_the_preferred_instance(tuning: Tuning) -> None:
    tuning.create(CATEGORIES)
    job = tuning.training(tuning.wait(1))
    assert job["CheckpointConfig"]["S3Uri"] == f"s3://artifacts/checkpoints/{job['TrainingJobName']}"
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}
    assert job["ResourceConfig"] == resources


def test_a_kill_loses_no_decision_and_repeats_none(tuning: Tuning) -> None:
    tuning.create(CATEGORIES)
    tuning.trainer.end(tuning.wait(1), value=1.0)
    second = tuning.wait(2)
    tuning.supervisor.shutdown()
    # As if the kill came between the decision and the creation of the training job that follows from it.
    tuning.store.delete("training-job", second)
    tuning.begin()
    assert tuning.wait(3) == second
    tuning.trainer.end(second, value=0.5)
    tuning.wait(4)
    values = [entry["Values"]["x"] for entry in tuning.describe()["_Trials"]]
    assert values == ["0", "1", "2"]
    assert tuning.describe()["BestTrainingJob"]["TrainingJobName"] == second


def test_what_ran_when_the_cloud_ended_is_repeated_and_the_search_goes_on(tuning: Tuning) -> None:
    tuning.create(CATEGORIES, parallel=2)
    tuning.trainer.end(tuning.wait(1), value=1.0)
    tuning.wait(3)
    tuning.supervisor.shutdown()
    for name in tuning.trainer.started[1:]:
        tuning.trainer.end(name, status="Failed", reason=failures.RESTARTED)
    tuning.begin()
    for count in range(4, 9):
        tuning.trainer.end(tuning.wait(count), value=float(count))
    job = tuning.final()
    tried = [entry["Values"]["x"] for entry in job["_Trials"]]
    assert tried == ["0", "1", "2", "1", "2", "3", "4", "5"]
    counters = job["TrainingJobStatusCounters"]
    assert (counters["Completed"], counters["RetryableError"]) == (6, 2)


def test_losing_training_jobs_again_and_again_is_no_reason_to_give_up(tuning: Tuning) -> None:
    tuning.create(CATEGORIES, parallel=3)
    for count in (3, 6):
        tuning.wait(count)
        tuning.supervisor.shutdown()
        for name in tuning.trainer.started[count - 3 : count]:
            tuning.trainer.end(name, status="Failed", reason=failures.RESTARTED)
        tuning.begin()
    tuning.wait(9)
    assert tuning.describe()["HyperParameterTuningJobStatus"] == "InProgress"
    assert tuning.describe()["TrainingJobStatusCounters"]["RetryableError"] == 6


def test_a_deleted_training_job_does_not_keep_the_search_from_its_end(tuning: Tuning) -> None:
    tuning.create(CATEGORIES)
    first = tuning.wait(1)
    tuning.trainer.end(first, value=1.0)
    tuning.wait(2)
    tuning.supervisor.shutdown()
    tuning.store.delete("training-job", first)
    tuning.begin()
    for count in range(2, 7):
        tuning.trainer.end(tuning.wait(count), value=float(count))
    assert tuning.final()["HyperParameterTuningJobStatus"] == "Completed"


@pytest.mark.parametrize(
    ("criteria", "values", "launched"),
    [
        ({"TargetObjectiveMetricValue": 0.5}, [3.0, 0.5], 2),
        ({"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}, [3.0, 1.0, 2.0, 1.0, 4.0], 5),
    ],
)
def test_completion_criteria_end_the_search(
    tuning: Tuning, criteria: Document, values: list[float], launched: int
) -> None:
    tuning.create(CATEGORIES, TuningJobCompletionCriteria=criteria)
    for count, value in enumerate(values, 1):
        tuning.now += 10
        tuning.trainer.end(tuning.wait(count), value=value)
    job = tuning.final()
    assert (job["HyperParameterTuningJobStatus"], len(tuning.trainer.started)) == ("Completed", launched)
    assert job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == min(values)


@pytest.mark.parametrize("error", [86_400, -86_400])
def test_a_clock_that_is_set_neither_ends_a_search_nor_prolongs_it(tuning: Tuning, error: float) -> None:
    tuning.create(RANGE, Strategy="Random", limits={"MaxRuntimeInSeconds": 120, "MaxNumberOfTrainingJobs": 9})
    tuning.wait(1)
    tuning.clock_error = error
    tuning.now += 60
    tuning.trainer.end(tuning.trainer.started[0], value=1.0)
    tuning.wait(2)
    tuning.now += 61
    tuning.trainer.end(tuning.trainer.started[1], value=1.0)
    assert tuning.final()["HyperParameterTuningJobStatus"] == "Completed"
    assert len(tuning.trainer.started) == 2


def test_the_runtime_limit_stops_what_runs(tuning: Tuning) -> None:
    tuning.create(RANGE, Strategy="Random", limits={"MaxRuntimeInSeconds": 120}, parallel=2)
    tuning.wait(2)
    tuning.now += 121
    tuning.trainer.end(tuning.trainer.started[0], value=1.0)
    job = tuning.final()
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["ConsumedResources"] == {"RuntimeInSeconds": 121}
    assert tuning.trainer.stopped == [tuning.trainer.started[1]]


def test_five_failures_without_a_success_are_enough(tuning: Tuning) -> None:
    tuning.create(CATEGORIES)
    for count in range(1, 6):
        tuning.trainer.end(tuning.wait(count), status="Failed", reason="AlgorithmError: exit code: 1")
    job = tuning.final()
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("No training job succeeded after 5 attempts.")
    assert len(tuning.trainer.started) == 5


def test_a_search_without_end_of_its_own_tries_every_combination(tuning: Tuning) -> None:
    tuning.create(CATEGORIES, Strategy="Random", limits={"MaxRuntimeInSeconds": 3600})
    for count in range(1, 7):
        tuning.trainer.end(tuning.wait(count), value=1.0)
    assert tuning.final()["HyperParameterTuningJobStatus"] == "Completed"
    assert len({entry["Values"]["x"] for entry in tuning.describe()["_Trials"]}) == 6


def test_several_definitions_take_turns(tuning: Tuning) -> None:
    objective = {"Type": "Minimize", "MetricName": "loss"}
    few = {"CategoricalParameterRanges": [{"Name": "y", "Values": ["only"]}]}
    bodies = [
        definition(DefinitionName=name, TuningObjective=objective, HyperParameterRanges=ranges)
        for name, ranges in (("small", few), ("large", CATEGORIES))
    ]
    tuning.create({}, request={"TrainingJobDefinitions": bodies})
    for count in range(1, 8):
        tuning.trainer.end(tuning.wait(count), value=float(count))
    assert tuning.final()["HyperParameterTuningJobStatus"] == "Completed"
    launched = OPERATIONS["ListTrainingJobsForHyperParameterTuningJob"](
        tuning.call, {"HyperParameterTuningJobName": "tune"}
    )["TrainingJobSummaries"]
    assert [summary["TrainingJobDefinitionName"] for summary in launched] == ["small", *["large"] * 6]


def test_autotune_searches_around_the_hint(tuning: Tuning) -> None:
    tuning.create(
        {"AutoParameters": [{"Name": "x", "ValueHint": "20"}]},
        request={"TrainingJobDefinition": definition(), "Autotune": {"Mode": "Enabled"}},
        Strategy="Random",
        limits={"MaxNumberOfTrainingJobs": 2},
    )
    name = tuning.wait(1)
    assert 2 <= int(tuning.training(name)["HyperParameters"]["x"]) <= 200


def test_a_training_job_that_cannot_be_created_fails_the_tuning_job(tuning: Tuning) -> None:
    tuning.create(CATEGORIES, parallel=2)
    tuning.wait(2)
    refused: Callable[..., None] = _refuse
    tuning.trainer.start = refused  # type: ignore[method-assign]
    tuning.trainer.end(tuning.trainer.started[0], value=1.0)
    job = tuning.final()
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert "no room" in job["FailureReason"]
    assert tuning.trainer.started[1] in tuning.trainer.stopped


def test_a_measurement_is_enough_to_stop_a_training_job(tuning: Tuning) -> None:
    tuning.create(CATEGORIES, TrainingJobEarlyStoppingType="Auto")
    first = tuning.wait(1)
    tuning.history.record(first, Measurement("loss", 1.0, 0.0))
    tuning.trainer.end(first, value=1.0)
    second = tuning.wait(2)
    tuning.history.record(second, Measurement("other", 9.0, 0.0))
    tuning.history.record(second, Measurement("loss", 0.9, 0.0))
    tuning.history.record(first, Measurement("loss", 0.5, 1.0))
    tuning.history.record(second, Measurement("loss", 2.0, 1.0))
    eventually(lambda: tuning.trainer.stopped == [second])


def _refuse(*_: str) -> None:
    raise RuntimeError("no room")
