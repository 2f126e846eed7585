"""Reading execution histories, in the shapes that GetExecutionHistory returns through boto3."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cli import history

START = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
TASK = {"resource": "createTrainingJob.sync", "resourceType": "sagemaker"}
JOB_CAUSE = json.dumps(
    {
        "TrainingJobName": "slipway-dev-mnist-lightning-0123456789ab",
        "TrainingJobStatus": "Failed",
        "FailureReason": "AlgorithmError: ValueError: train-images-idx3-ubyte.gz: bad magic number 7",
    }
)


class Tape:
    """A history with one event a second."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.add("ExecutionStarted")

    def add(self, kind: str, **details: Any) -> Tape:
        number = len(self.events) + 1
        event = {
            "id": number,
            "previousEventId": number - 1,
            "type": kind,
            "timestamp": START + timedelta(seconds=number),
        }
        suffix = (
            "stateEntered" if kind.endswith("StateEntered") else "stateExited" if kind.endswith("StateExited") else ""
        )
        event[f"{suffix or kind[0].lower() + kind[1:]}EventDetails"] = details
        self.events.append(event)
        return self

    def enter(self, name: str, kind: str = "Task") -> Tape:
        return self.add(f"{kind}StateEntered", name=name, input="{}")

    def leave(self, name: str, output: Any, kind: str = "Task") -> Tape:
        return self.add(f"{kind}StateExited", name=name, output=json.dumps(output))


def failed_training(cause: str = JOB_CAUSE) -> Tape:
    """Train fails, its Catch reports the failure, and a Fail state ends with the original error and cause."""
    tape = Tape().enter("Plan").leave("Plan", {"training_job": {}})
    tape.enter("Train").add("TaskScheduled", **TASK)
    tape.add("TaskFailed", **TASK, error="States.TaskFailed", cause=cause)
    tape.leave("Train", {"Error": "States.TaskFailed"}).enter("ReportFailure").leave("ReportFailure", {})
    tape.enter("Failed", "Fail")
    return tape.add("ExecutionFailed", error="States.TaskFailed", cause=cause)


def test_steps_carry_their_times_and_outputs() -> None:
    steps = history.steps(Tape().enter("Plan").leave("Plan", {"a": 1}).enter("Train").events)
    assert [(step.name, step.output) for step in steps] == [("Plan", {"a": 1}), ("Train", None)]
    assert steps[0].left is not None
    assert (steps[0].left - steps[0].entered).total_seconds() == 1
    assert steps[1].left is None


def test_a_step_left_by_its_catch_ends_where_the_next_begins() -> None:
    tape = Tape().enter("Train").add("TaskFailed", **TASK, error="E", cause="c").enter("ReportFailure")
    first, second = history.steps(tape.events)
    assert first.left == second.entered


def test_a_step_is_failed_by_its_last_attempt_only() -> None:
    assert [step.name for step in history.steps(failed_training().events) if step.failed] == ["Train"]
    retried = Tape().enter("Gate").add("TaskScheduled").add("TaskFailed", error="Lambda.Unknown", cause="out of memory")
    retried.add("TaskScheduled").add("TaskSucceeded").leave("Gate", {})
    assert [step.failed for step in history.steps(retried.events)] == [False]


def test_the_end_of_the_execution_ends_its_last_step() -> None:
    steps = history.steps(failed_training().events)
    assert steps[-1].name == "Failed"
    assert steps[-1].left is not None


def test_a_failed_job_is_told_by_its_step_and_failure_reason() -> None:
    assert history.failure(failed_training().events) == history.Failure(
        step="Train",
        error="States.TaskFailed",
        reason="AlgorithmError: ValueError: train-images-idx3-ubyte.gz: bad magic number 7",
    )


def test_a_failed_lambda_is_told_by_its_exception() -> None:
    cause = json.dumps({"errorMessage": "epochs=0: at least 1", "errorType": "BadRequest", "stackTrace": ["x"]})
    tape = (
        Tape()
        .enter("Plan")
        .add("TaskFailed", resource="invoke", resourceType="lambda", error="BadRequest", cause=cause)
    )
    tape.add("ExecutionFailed", error="BadRequest", cause=cause)
    assert history.failure(tape.events) == history.Failure("Plan", "BadRequest", "BadRequest: epochs=0: at least 1")


def test_a_failure_while_reporting_does_not_hide_the_cause() -> None:
    tape = Tape().enter("Train").add("TaskFailed", **TASK, error="SageMaker.AccessDenied", cause="not authorized")
    tape.enter("ReportFailure").add(
        "TaskFailed", resource="publish", resourceType="sns", error="SNS.Down", cause="down"
    )
    tape.enter("Failed", "Fail").add("ExecutionFailed", error="SageMaker.AccessDenied", cause="not authorized")
    assert history.failure(tape.events) == history.Failure("Train", "SageMaker.AccessDenied", "not authorized")


def test_a_finding_of_the_machine_is_told_by_the_state_that_notes_it() -> None:
    tape = Tape().enter("Check").leave("Check", {"serving": False}).enter("NotServing", "Pass")
    tape.leave("NotServing", {}, "Pass").enter("DeleteModel")
    tape.add("TaskFailed", resource="deleteModel", resourceType="aws-sdk:sagemaker", error="E", cause="in use")
    tape.enter("Failed", "Fail").add("ExecutionFailed", error="NotServing", cause="the endpoint answered 500")
    assert history.failure(tape.events) == history.Failure("NotServing", "NotServing", "the endpoint answered 500")


def test_the_last_failure_counts_when_the_end_rewrites_the_cause() -> None:
    tape = Tape().enter("Train").add("TaskFailed", **TASK, error="A", cause="throttled").add("TaskScheduled", **TASK)
    tape.add("TaskFailed", **TASK, error="A", cause="broken").enter("Failed", "Fail")
    tape.add("ExecutionFailed", error="Other", cause="text")
    assert history.failure(tape.events) == history.Failure("Train", "Other", "broken")


def test_a_timed_out_or_aborted_execution_names_the_step_it_was_in() -> None:
    timed_out = Tape().enter("Train").add("ExecutionTimedOut", error="States.Timeout")
    assert history.failure(timed_out.events) == history.Failure("Train", "States.Timeout", "")
    aborted = Tape().enter("Train").add("ExecutionAborted", cause="slipway destroy")
    assert history.failure(aborted.events) == history.Failure("Train", "Aborted", "slipway destroy")


def test_success_and_a_running_execution_have_no_failure() -> None:
    assert history.failure(Tape().enter("Plan").events) is None
    assert history.failure(Tape().add("ExecutionSucceeded", output="{}").events) is None


def test_a_cause_that_is_no_document_is_shown_as_it_is() -> None:
    for cause in ("plain text", "[1, 2]", "{broken", '{"Message": "x"}'):
        assert history.reason(cause) == cause


def test_a_refusal_is_called_one_where_step_functions_does_not() -> None:
    refused = "User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: sagemaker:CreateModelPackage"
    assert history.reason(refused) == f"AccessDenied: {refused}"
    named = f"{refused} (Service: AmazonSageMaker; Error Code: AccessDeniedException)"
    assert history.reason(named) == named
