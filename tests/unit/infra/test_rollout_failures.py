"""Each task of the rollout machine fails once, on every way through it, against an endpoint that is kept account of.

A task fails either before it had an effect or after: an answer that was lost looks the same to the machine.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from tests.support.rollout_machine import DEFINITION

TASKS = [name for name, state in DEFINITION["States"].items() if state["Type"] == "Task"]
NEW_MODEL, OLD_MODEL = "v2", "v1"
RETREAT = {"EndpointName": "e", "DesiredWeightsAndCapacities": [{"VariantName": "blue", "DesiredWeight": 100}]}


LIMITED = {"set": {"Threshold": 3.0}, "lift": {"Threshold": 9.0}, "note": "limit 3"}
BACK = {"release_back": [], "scale_back": [], "resize_back": None}


def target(variant: str) -> dict[str, str]:
    return {"ResourceId": f"endpoint/e/variant/{variant}"}


def scale(variant: str) -> list[dict[str, Any]]:
    return [{"call": call, "request": target(variant)} for call in ("target", "policy", "schedule")]


def step(action: str, config: str, *, new: bool = True, watched: bool = False) -> dict[str, Any]:
    return {
        "name": f"{action} {config}",
        "action": action,
        "endpoint_config": {"EndpointConfigName": config} if new else None,
        "request": {"EndpointName": "e", "EndpointConfigName": config},
        "config": config,
        "models": {"green": NEW_MODEL},
        "ask": "green",
        "watch_seconds": 30 if watched else 0,
        "compare": {"champion": "blue", "challenger": "green", "max_latency_ratio": 1.5} if watched else None,
        "retreat": RETREAT if watched else None,
        "release": [],
        "scale": [],
    }


STEPS = {
    "first": [step("create", "v2")],
    "update": [step("update", "v2")],
    "shadow": [{**step("update", "v2-shadow", watched=True), "retreat": None}, step("update", "v2")],
    "ab": [
        {**step("update", "v2-split", watched=True), "scale": scale("green")},
        step("weights", "v2-split", new=False, watched=True),
        {**step("update", "v2"), "release": [target("blue")]},
    ],
}
RESIZE = {"EndpointName": "e", "DesiredWeightsAndCapacities": [{"VariantName": "blue", "DesiredInstanceCount": 4}]}
BACK_FROM = {"ab": {"release_back": [target("green")], "scale_back": scale("blue"), "resize_back": RESIZE}}
VARIANTS = {OLD_MODEL: {"blue"}, "v2-split": {"blue", "green"}, "v2-shadow": {"blue"}}
"""Of a config; of the others {"green"} with the strategy ab, {"blue"} else."""
SCALED_AT_FIRST = {"ab": {"blue"}}


class Cloud:
    """SageMaker's account of one endpoint. `fails` is the state that fails (always), `late` after its effect.

    `trouble`: what goes wrong besides, so that the states of going back are walked too.
    """

    def __init__(self, way: str, *, fails: str = "", late: bool = False, trouble: str = "", error: Any = None) -> None:
        self.way, self._fails, self._late, self.trouble, self._error = way, fails, late, trouble, error
        self.config = None if way == "first" else OLD_MODEL
        self.scaled = set(SCALED_AT_FIRST.get(way, set()))
        self.threshold = 9.0
        self.instances = 4
        self.status = "InService"
        self.deleted: set[str] = set()

    def plan(self) -> dict[str, Any]:
        steps = STEPS[self.way]
        return {
            "workload": "digits",
            "model_version": "2",
            "package_arn": "arn:package/2",
            "model": {"ModelName": NEW_MODEL},
            "endpoint_name": "e",
            "exists": self.config is not None,
            "previous_endpoint_config_name": self.config,
            "versions_kept": 5,
            "superseded": None,
            "alarms": [] if self.way == "first" else ["a-5xx"],
            "steps": steps,
            "created_configs": [each["config"] for each in steps if each["endpoint_config"]],
            **BACK,
            "restore": {"EndpointName": "e", "EndpointConfigName": self.config} if self.config else None,
            **BACK_FROM.get(self.way, {}),
            "latency": LIMITED if self.way == "update" else {"set": None, "lift": None, "note": None},
        }

    def __call__(self, state: str, arguments: Any) -> Any:
        failing = state == self._fails
        if failing and not self._late:
            raise self._error("SageMaker.SageMakerException", "broken on purpose")
        answer = self._perform(state, arguments)
        if failing:
            raise self._error("SageMaker.SageMakerException", "broken on purpose")
        return answer

    def _perform(self, state: str, arguments: Any) -> Any:
        if state == "Plan":
            return {"Payload": self.plan()}
        if "Limit" in state:
            self.threshold = arguments["Threshold"]
        if state.startswith(("Release", "Register")):
            return self._scale(state, arguments["ResourceId"].rsplit("/", 1)[-1])
        if state in ("CreateEndpoint", "UpdateEndpoint", "Restore"):
            self._refuse_to_lose_a_target(arguments["EndpointConfigName"])
            self.config = arguments["EndpointConfigName"]
            self.instances = 1
            self.status = "Failed" if (state, self.trouble) == ("CreateEndpoint", "creation") else "InService"
        elif state == "Check":
            serving = self.trouble != "check" or self.config == OLD_MODEL
            return {"Payload": {"serving": serving, "reason": "fine" if serving else "answered with 500"}}
        elif state == "Compare":
            return {"Payload": {"worse": self.trouble == "worse", "reason": "p99 is twice the champion's"}}
        elif state in ("Look", "LookBefore"):
            ringing = self.trouble == "alarm" and state == "Look"
            return {"MetricAlarms": [{"AlarmName": "a-5xx", "StateValue": "ALARM" if ringing else "OK"}]}
        elif state in ("Describe", "DescribeBack", "FindServing"):
            return self._describe()
        elif state == "ResizeBack":
            (variant,) = arguments["DesiredWeightsAndCapacities"]
            self.instances = variant["DesiredInstanceCount"]
        elif state.startswith("Delete"):
            self.deleted |= set(arguments.values())
        elif state == "CreateEndpointConfig":
            return {"EndpointConfigArn": f"arn:endpoint-config/{arguments['EndpointConfigName']}"}
        return {}

    def _scale(self, state: str, variant: str) -> dict[str, Any]:
        if state.startswith("Register"):
            self.scaled.add(variant)
        elif variant not in self.scaled:
            raise self._error("ApplicationAutoScaling.ObjectNotFoundException", "No scalable target found")
        self.scaled.discard(variant if state.startswith("Release") else "")
        return {}

    def variants(self, config: str) -> set[str]:
        return VARIANTS.get(config, {"green"} if self.way == "ab" else {"blue"})

    def _refuse_to_lose_a_target(self, config: str) -> None:
        if self.config and not self.scaled <= self.variants(config):
            raise self._error("SageMaker.SageMakerException", "must be deregistered as scalable target")

    def _describe(self) -> dict[str, str]:
        if self.config is None or "e" in self.deleted:
            raise self._error("SageMaker.SageMakerException", "Could not find endpoint e")
        return {"EndpointStatus": self.status, "EndpointConfigName": self.config}


TROUBLES = {
    "first": ["", "check", "creation"],
    "update": ["", "check"],
    "shadow": ["", "check", "alarm", "worse"],
    "ab": ["", "check", "alarm", "worse"],
}
WAYS = [(way, trouble) for way, troubles in TROUBLES.items() for trouble in troubles]


@cache
def visited(walk: Any, way: str, trouble: str, task_error: Any) -> set[str]:
    """What a walk comes by when no task fails: another task cannot fail on it."""
    return set(walk(DEFINITION, Cloud(way, trouble=trouble, error=task_error)).run({}).visited)


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("way", "trouble"), WAYS)
def test_whichever_task_fails_what_serves_is_never_deleted_and_the_cause_is_told(
    walk: Any, task_error: Any, way: str, trouble: str, late: bool
) -> None:
    for state in TASKS:
        if state in visited(walk, way, trouble, task_error):
            cloud = Cloud(way, fails=state, late=late, trouble=trouble, error=task_error)
            existed = cloud.config is not None
            done = walk(DEFINITION, cloud).run({})
            assert_what_serves_stays(cloud, state, existed=existed)
            assert_the_cause_is_told(done, state, trouble)


def assert_what_serves_stays(cloud: Cloud, state: str, *, existed: bool) -> None:
    # A config or model that is gone can serve no longer; an endpoint that was there before stays, whatever happens.
    if "e" in cloud.deleted:
        assert not existed and cloud.trouble == "creation", state
    elif cloud.config is not None and cloud.status != "Failed":
        assert cloud.config not in cloud.deleted, state
        assert cloud.config == OLD_MODEL or NEW_MODEL not in cloud.deleted, state
    assert OLD_MODEL not in cloud.deleted, state
    assert cloud.config is None or cloud.scaled <= cloud.variants(cloud.config), state
    if cloud.way == "ab" and cloud.config == OLD_MODEL and not state.startswith(("Release", "Register")):
        assert cloud.scaled == {"blue"}, state
        assert cloud.instances == 4 or state == "ResizeBack", f"{state}: the old model has the size that it had"
    assert cloud.threshold == 9.0 or state.startswith("LiftLimit"), f"{state}: a limit does not outlive its rollout"


def assert_the_cause_is_told(done: Any, state: str, trouble: str) -> None:
    if state in ("Mark", "LiftLimit", "LiftLimitBack", "Retire", "ReportFailure"):
        return
    assert done.failure is not None and done.visited[-1] == "Failed", state
    if not trouble:
        assert done.failure == ("SageMaker.SageMakerException", "broken on purpose"), state
        assert "Reject" not in done.visited, f"{state}: a call that was refused is not the model's fault"


@pytest.mark.parametrize(("way", "trouble"), [pair for pair in WAYS if pair[0] != "first" and pair[1]])
def test_a_model_at_fault_ends_with_the_old_config_serving_and_nothing_left_of_the_new_one(
    walk: Any, task_error: Any, way: str, trouble: str
) -> None:
    cloud = Cloud(way, trouble=trouble, error=task_error)
    done = walk(DEFINITION, cloud).run({})
    assert done.failure is not None and "Reject" in done.visited
    assert (cloud.config, cloud.status) == (OLD_MODEL, "InService")
    assert cloud.scaled == SCALED_AT_FIRST.get(way, set())
    assert cloud.deleted == {NEW_MODEL, *cloud.plan()["created_configs"]}


@pytest.mark.parametrize("way", STEPS)
def test_without_trouble_the_new_model_serves(walk: Any, task_error: Any, way: str) -> None:
    cloud = Cloud(way, error=task_error)
    done = walk(DEFINITION, cloud).run({})
    assert (done.failure, cloud.config, cloud.deleted) == (None, NEW_MODEL, set())
    assert cloud.scaled == ({"green"} if way == "ab" else set())


def test_every_task_of_the_machine_is_failed_on_some_way(walk: Any, task_error: Any) -> None:
    assert set(TASKS) <= set().union(*(visited(walk, way, trouble, task_error) for way, trouble in WAYS))
