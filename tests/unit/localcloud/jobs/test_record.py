"""The times of a training job whose instances are lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.sagemaker.jobs.record import Record
from localcloud.sagemaker.store import Store


class Job:
    """A training job created at second 0."""

    def __init__(self, store: Store, **members: object) -> None:
        self.now = 0.0
        store.create("training-job", "j", {"TrainingJobName": "j", "TrainingJobStatus": "InProgress", **members})
        self.record = Record(store, "training-job", "j", lambda: self.now)

    def at(self, second: float) -> Record:
        self.now = second
        return self.record


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store.sqlite")


def test_waiting_for_instances_is_no_training_and_spot_costs_a_part_of_it(store: Store) -> None:
    job = Job(store, EnableManagedSpotTraining=True)
    job.at(10).begin("Downloading")
    job.at(40).lost("Interrupted", retries=0)
    job.at(40).waits("Pending")
    job.at(1000).waits("Starting")
    job.at(1010).begin("Downloading")
    job.at(1080).finish("Completed")
    document = job.record.read()
    assert (document["TrainingTimeInSeconds"], document["BillableTimeInSeconds"]) == (100, 30)
    statuses = [entry["Status"] for entry in document["SecondaryStatusTransitions"]]
    assert statuses == ["Downloading", "Interrupted", "Pending", "Starting", "Downloading", "Completed"]


def test_on_demand_training_is_billed_as_a_whole(store: Store) -> None:
    job = Job(store)
    job.at(10).begin("Downloading")
    job.at(70).finish("Completed")
    document = job.record.read()
    assert document["TrainingTimeInSeconds"] == document["BillableTimeInSeconds"] == 60


def test_what_passed_while_the_cloud_was_down_is_no_training(store: Store) -> None:
    job = Job(store, RetryStrategy={"MaximumRetryAttempts": 1})
    job.at(10).begin("Downloading")
    job.at(20).begin("Training", "Training")
    job.at(90_000).lost("Restarting", retries=1, ended=job.record.read()["LastModifiedTime"])
    assert job.record.read()["_TrainingSeconds"] == 10


def test_a_job_that_is_being_stopped_stays_so_when_its_instances_are_lost(store: Store) -> None:
    job = Job(store)
    job.at(10).begin("Training", "Training")
    store.update("training-job", "j", lambda document: document.update(TrainingJobStatus="Stopping"))
    job.at(20).lost("Interrupted", retries=0)
    assert job.record.read()["SecondaryStatus"] == "Training"
