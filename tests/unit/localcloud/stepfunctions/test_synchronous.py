import json
import threading

import pytest

from localcloud.stepfunctions import synchronous
from localcloud.stepfunctions.changes import Changes
from localcloud.stepfunctions.errors import TaskError


class FakeJobs:
    """A service whose job has the given statuses, one after the other, and then keeps the last."""

    def __init__(self, *statuses: str, cancelled: bool = False, may_stop: bool = True) -> None:
        self.statuses = list(statuses)
        self.calls: list[tuple[str, dict]] = []
        self.may_stop = may_stop
        self.task = self
        self.cancelled = lambda: cancelled

    def call(self, operation: str, parameters: dict) -> dict:
        self.calls.append((operation, parameters))
        if operation.startswith("Stop") and not self.may_stop:
            raise TaskError("SageMaker.AmazonSageMakerException", "not authorized")
        if not operation.startswith("Describe"):
            return {}
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return {"TrainingJobName": parameters["TrainingJobName"], "TrainingJobStatus": status}


JOB = synchronous.JOBS["createTrainingJob"]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(synchronous, "_POLL_SECONDS", 0)


def test_the_final_description_is_the_result():
    jobs = FakeJobs("InProgress", "InProgress", "Completed")
    assert synchronous.run(jobs, JOB, {"TrainingJobName": "j"}, Changes())["TrainingJobStatus"] == "Completed"
    assert [operation for operation, _ in jobs.calls] == ["CreateTrainingJob"] + ["DescribeTrainingJob"] * 3


def test_jobs_are_tagged_as_started_by_step_functions():
    jobs = FakeJobs("Completed")
    synchronous.run(jobs, JOB, {"TrainingJobName": "j", "Tags": [{"Key": "a", "Value": "b"}]}, Changes())
    assert [tag["Key"] for tag in jobs.calls[0][1]["Tags"]] == ["a", "MANAGED_BY_AWS"]


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_an_unsuccessful_end_fails_the_task_with_the_description(status):
    with pytest.raises(TaskError) as error:
        synchronous.run(FakeJobs("InProgress", status), JOB, {"TrainingJobName": "j"}, Changes())
    assert error.value.error == "States.TaskFailed"
    assert json.loads(error.value.cause)["TrainingJobStatus"] == status


@pytest.mark.parametrize("may_stop", [True, False])
def test_a_task_that_is_no_longer_wanted_stops_its_job(may_stop):
    jobs = FakeJobs("InProgress", cancelled=True, may_stop=may_stop)
    with pytest.raises(TaskError):
        synchronous.run(jobs, JOB, {"TrainingJobName": "j"}, Changes())
    assert jobs.calls[-1] == ("StopTrainingJob", {"TrainingJobName": "j"})


def test_the_end_is_seen_when_it_is_told(monkeypatch):
    monkeypatch.setattr(synchronous, "_POLL_SECONDS", 30)
    changes, waiting = Changes(), threading.Event()

    class Running(FakeJobs):
        def call(self, operation: str, parameters: dict) -> dict:
            waiting.set()
            return super().call(operation, parameters)

    jobs = Running("Completed")
    thread = threading.Thread(target=synchronous.run, args=(jobs, JOB, {"TrainingJobName": "j"}, changes))
    thread.start()
    assert waiting.wait(10)
    changes.listen("training-job", {"TrainingJobStatus": "InProgress"}, {"TrainingJobStatus": "Completed"})
    thread.join(10)
    assert not thread.is_alive()


def test_only_news_of_a_status_wake_who_waits_for_a_job():
    changes = Changes()
    running = {"TrainingJobStatus": "InProgress"}
    changes.listen(
        "training-job", {**running, "SecondaryStatus": "Starting"}, {**running, "SecondaryStatus": "Training"}
    )
    changes.listen("endpoint", {"EndpointStatus": "Creating"}, {"EndpointStatus": "InService"})
    changes.listen("training-job", None, running)
    assert changes.count == 0
    changes.listen("training-job", running, {"TrainingJobStatus": "Stopping"})
    changes.listen("hyper-parameter-tuning-job", {"HyperParameterTuningJobStatus": "InProgress"}, None)
    assert changes.count == 2


def test_a_running_job_is_asked_for_seldom_while_nothing_is_told():
    polls = synchronous._POLLS_UNTOLD * 2
    left = iter(range(polls))
    jobs = FakeJobs("InProgress")
    jobs.cancelled = lambda: next(left, None) is None
    with pytest.raises(TaskError, match="stopped with its task"):
        synchronous.run(jobs, JOB, {"TrainingJobName": "j"}, Changes())
    assert [operation for operation, _ in jobs.calls].count("DescribeTrainingJob") == 2


def test_an_execution_of_which_nothing_is_told_is_asked_for_every_time():
    class Execution(FakeJobs):
        def call(self, operation: str, parameters: dict) -> dict:
            self.calls.append((operation, parameters))
            done = [name for name, _ in self.calls].count("DescribeExecution") == 4
            return {"executionArn": "a", "status": "SUCCEEDED" if done else "RUNNING"}

    looks, execution = iter(range(4)), Execution()
    execution.cancelled = lambda: next(looks, None) is None
    assert synchronous.run(execution, synchronous.EXECUTION, {}, Changes())["status"] == "SUCCEEDED"
