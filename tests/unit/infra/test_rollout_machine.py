"""The paths through the rollout machine, its JSONata evaluated."""

from __future__ import annotations

from typing import Any

import pytest

from infra.rollout.state_machine import WAIT_LIMIT_SECONDS, RolloutStates

DEFINITION = RolloutStates(
    partition="aws",
    workload="digits",
    plan_function_arn="arn:plan",
    check_function_arn="arn:check",
    alerts_topic_arn="arn:topic",
).definition()
CLEAN_UP = ["DeleteEndpointConfig", "DeleteModel", "ReportFailure", "Failed"]
NOT_FOUND = ("SageMaker.SageMakerException", 'Could not find endpoint "arn:endpoint/e". (Service: SageMaker)')


def plan(previous: str | None) -> dict[str, Any]:
    return {
        "workload": "digits",
        "model_version": 7,
        "model": {"ModelName": "new"},
        "endpoint_config": {"EndpointConfigName": "new"},
        "endpoint": {"EndpointName": "e", "EndpointConfigName": "new"},
        "exists": previous is not None,
        "previous_endpoint_config_name": previous,
    }


class Cloud:
    """Answers the machine's tasks: `statuses` are what describing the endpoint says, the last of them for ever."""

    def __init__(self, *, previous: str | None, statuses: list[tuple[str, str]], check: Any = True) -> None:
        self._previous, self._statuses, self._check = previous, list(statuses), check
        self.failing: dict[str, Exception] = {}

    def __call__(self, state: str, arguments: Any) -> Any:
        if state in self.failing:
            raise self.failing[state]
        if state == "Plan":
            return {"Payload": plan(self._previous)}
        if state == "Check":
            return {"Payload": {"serving": self._check, "reason": "the sample request was answered with 500"}}
        if state in ("Describe", "FindServing"):
            status, config = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
            return {"EndpointStatus": status, "EndpointConfigName": config}
        return {}


def after(walk: Any, state: str) -> list[str]:
    return walk.visited[walk.visited.index(state) + 1 :]


def test_the_first_model_is_deployed_to_a_new_endpoint(walk: Any) -> None:
    cloud = Cloud(previous=None, statuses=[("Creating", "new"), ("InService", "new")])
    done = walk(DEFINITION, cloud).run({"detail": {}})
    assert "CreateEndpoint" in done.visited and "UpdateEndpoint" not in done.visited
    assert done.failure is None
    assert done.output == {"outcome": "rolled_out", "endpoint": "e", "endpoint_config": "new", "model_version": 7}


def test_plan_is_given_the_event_the_workload_and_the_execution(walk: Any) -> None:
    done = walk(DEFINITION, Cloud(previous=None, statuses=[("InService", "new")])).run({"detail": 1})
    payload = done.arguments["Plan"]["Payload"]
    assert payload == {"workload": "digits", "event": {"detail": 1}, "execution": "run-1"}
    assert done.arguments["Check"]["Payload"] == plan(None)


def test_a_later_model_updates_the_endpoint(walk: Any) -> None:
    cloud = Cloud(previous="old", statuses=[("Updating", "old")] * 9 + [("InService", "new")])
    done = walk(DEFINITION, cloud).run({})
    assert "UpdateEndpoint" in done.visited and "CreateEndpoint" not in done.visited
    assert done.visited.count("Wait") == 10
    assert done.failure is None


def test_an_update_that_sagemaker_rolled_back_deletes_what_it_brought(walk: Any) -> None:
    """RollingBack is waited for; then the check finds the old config serving."""
    cloud = Cloud(previous="old", statuses=[("RollingBack", "old"), ("InService", "old")], check=False)
    done = walk(DEFINITION, cloud).run({})
    assert "Restore" not in done.visited
    assert after(done, "Abandoned?") == CLEAN_UP
    assert done.failure == ("NotServing", "the sample request was answered with 500")


def test_a_new_model_that_answers_wrongly_makes_way_for_the_old_one(walk: Any) -> None:
    statuses = [("InService", "new"), ("Updating", "new"), ("InService", "old")]
    done = walk(DEFINITION, Cloud(previous="old", statuses=statuses, check=False)).run({})
    assert done.arguments["Restore"] == {"EndpointName": "e", "EndpointConfigName": "old"}
    assert after(done, "Abandoned?") == CLEAN_UP
    assert done.arguments["DeleteEndpointConfig"] == {"EndpointConfigName": "new"}
    assert done.arguments["DeleteModel"] == {"ModelName": "new"}
    assert done.failure == ("NotServing", "the sample request was answered with 500")


def test_a_first_model_that_answers_wrongly_is_left_as_it_serves(walk: Any) -> None:
    """There is nothing to go back to, and what serves is never deleted."""
    done = walk(DEFINITION, Cloud(previous=None, statuses=[("InService", "new")], check=False)).run({})
    assert after(done, "Abandoned?") == ["ReportFailure", "Failed"]
    assert done.failure is not None


def test_a_restore_that_fails_leaves_what_serves_alone(walk: Any, task_error: Any) -> None:
    cloud = Cloud(previous="old", statuses=[("InService", "new")], check=False)
    cloud.failing["Restore"] = task_error("SageMaker.AmazonSageMakerException", "no")
    done = walk(DEFINITION, cloud).run({})
    assert after(done, "Abandoned?") == ["ReportFailure", "Failed"]
    assert done.failure == ("NotServing", "the sample request was answered with 500")


def test_an_endpoint_whose_creation_failed_is_deleted_with_all_that_belongs_to_it(walk: Any) -> None:
    done = walk(DEFINITION, Cloud(previous=None, statuses=[("Failed", "new")])).run({})
    assert after(done, "Abandoned?") == ["DeleteEndpoint", *CLEAN_UP]
    assert done.failure is not None
    assert done.failure[0] == "EndpointFailed"


def test_an_endpoint_that_was_there_before_is_never_deleted(walk: Any) -> None:
    for status in ("Failed", "UpdateRollbackFailed", "OutOfService"):
        done = walk(DEFINITION, Cloud(previous="old", statuses=[(status, "old")])).run({})
        assert after(done, "Abandoned?") == ["ReportFailure", "Failed"], status
        assert done.failure is not None and done.failure[0] == "EndpointFailed"


def test_nothing_is_deleted_while_an_update_still_moves(walk: Any) -> None:
    done = walk(DEFINITION, Cloud(previous="old", statuses=[("Updating", "old")])).run({})
    assert after(done, "Abandoned?") == ["ReportFailure", "Failed"]
    assert done.failure is not None and done.failure[0] == "EndpointTookTooLong"
    assert done.visited.count("Wait") >= WAIT_LIMIT_SECONDS / 30


def test_a_refused_model_is_cleaned_up_when_no_endpoint_exists(walk: Any, task_error: Any) -> None:
    cloud = Cloud(previous=None, statuses=[("InService", "new")])
    cloud.failing = {
        "CreateModel": task_error("SageMaker.AmazonSageMakerException", "not authorized to perform: iam:PassRole"),
        "FindServing": task_error(*NOT_FOUND),
    }
    done = walk(DEFINITION, cloud).run({})
    assert after(done, "Abandoned?") == CLEAN_UP
    assert done.failure == ("SageMaker.AmazonSageMakerException", "not authorized to perform: iam:PassRole")


def test_nothing_is_deleted_while_it_is_unknown_what_serves(walk: Any, task_error: Any) -> None:
    cloud = Cloud(previous="old", statuses=[("InService", "old")])
    cloud.failing = {
        "UpdateEndpoint": task_error("SageMaker.AmazonSageMakerException", "no"),
        "FindServing": task_error("SageMaker.SageMakerException", "Rate exceeded"),
    }
    done = walk(DEFINITION, cloud).run({})
    assert after(done, "Abandoned?") == ["ReportFailure", "Failed"]


@pytest.mark.parametrize("broken", [*CLEAN_UP[:-1], "FindServing"])
def test_trouble_in_the_clean_up_does_not_hide_the_cause(walk: Any, task_error: Any, broken: str) -> None:
    cloud = Cloud(previous="old", statuses=[("InService", "old")])
    cloud.failing = {
        "UpdateEndpoint": task_error("SageMaker.AmazonSageMakerException", "the cause"),
        broken: task_error("SageMaker.SageMakerException", "another trouble"),
    }
    assert walk(DEFINITION, cloud).run({}).failure == ("SageMaker.AmazonSageMakerException", "the cause")


def test_a_failed_plan_is_reported_without_clean_up(walk: Any, task_error: Any) -> None:
    cloud = Cloud(previous=None, statuses=[("InService", "new")])
    cloud.failing["Plan"] = task_error("PackageNotApproved", "version 7 is Rejected")
    done = walk(DEFINITION, cloud).run({})
    assert done.visited == ["Plan", "ReportFailure", "Failed"]
    assert '"error":"PackageNotApproved"' in done.arguments["ReportFailure"]["Message"]
