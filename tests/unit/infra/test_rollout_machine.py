"""The paths through the rollout machine, its JSONata evaluated."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from plan_rollout.requests import DEPLOYMENT_LIMIT_SECONDS

from infra.manifest_rollout import LONGEST_DEPLOYMENT_SECONDS
from infra.rollout.wait import WAIT_LIMIT_SECONDS
from tests.support.rollout_machine import DEFINITION

REPORT = ["LiftBack?", "ReportFailure", "Failed"]
SCALED = ["ResizeBack?", "ScaleBack?"]
DELETED = [*SCALED, "MoreConfigs?", "DeleteEndpointConfig", "MoreConfigs?", "Model?", "DeleteModel", "AtFault?"]
CLEAN_UP = [*DELETED, "Reject", *REPORT]
NOT_FOUND = ("SageMaker.SageMakerException", 'Could not find endpoint "arn:endpoint/e". (Service: SageMaker)')


def step(**changes: Any) -> dict[str, Any]:
    return {
        "name": "update",
        "action": "update",
        "endpoint_config": {"EndpointConfigName": "new"},
        "request": {"EndpointName": "e", "EndpointConfigName": "new"},
        "config": "new",
        "models": {"primary": "new"},
        "ask": "primary",
        "watch_seconds": 0,
        "compare": None,
        "retreat": None,
        "release": [],
        "scale": [],
        **changes,
    }


def plan(previous: str | None, **changes: Any) -> dict[str, Any]:
    planned = {
        "workload": "digits",
        "model_version": "7",
        "package_arn": "arn:package/7",
        "model": {"ModelName": "new"},
        "endpoint_name": "e",
        "exists": previous is not None,
        "previous_endpoint_config_name": previous,
        "versions_kept": 5,
        "superseded": None,
        "alarms": [],
        "steps": [step(action="update" if previous else "create")],
        "release_back": [],
        "scale_back": [],
        "restore": {"EndpointName": "e", "EndpointConfigName": previous} if previous else None,
        "resize_back": None,
        "latency": {"set": None, "lift": None, "note": None},
        **changes,
    }
    configs = [each["endpoint_config"]["EndpointConfigName"] for each in planned["steps"] if each["endpoint_config"]]
    return {**planned, "created_configs": configs}


SPLIT = {
    "config": "new-split",
    "models": {"blue": "old", "green": "new"},
    "watch_seconds": 90,
    "compare": {"champion": "blue", "challenger": "green", "max_latency_ratio": 1.5},
    "retreat": {"EndpointName": "e", "DesiredWeightsAndCapacities": [{"VariantName": "blue", "DesiredWeight": 100}]},
}
AB = [
    step(name="share 10 %", endpoint_config={"EndpointConfigName": "new-split"}, **SPLIT),
    step(name="share 50 %", action="weights", endpoint_config=None, **SPLIT),
    step(),
]


class Cloud:
    """Answers the machine's tasks: `statuses` are what describing the endpoint says, the last of them for ever."""

    def __init__(
        self,
        planned: dict[str, Any],
        *,
        statuses: list[tuple[str, str]],
        check: bool | list[bool] = True,
        alarms: list[str] | None = None,
        worse: list[bool] | None = None,
    ) -> None:
        self._plan, self._statuses = planned, list(statuses)
        self._checks = [check] if isinstance(check, bool) else list(check)
        self._alarms, self._worse = list(alarms or ["OK"]), list(worse or [False])
        self.failing: dict[str, Exception] = {}
        self.refusing: dict[str, list[Exception | None]] = {}
        """What a state fails with at its first visits; the last for ever."""

    def __call__(self, state: str, arguments: Any) -> Any:
        if state in self.failing:
            raise self.failing[state]
        if refusal := _next(self.refusing.get(state, [None])):
            raise refusal
        if state == "Plan":
            return {"Payload": self._plan}
        if state == "Check":
            serving = _next(self._checks)
            return {"Payload": {"serving": serving, "reason": "fine" if serving else "answered with 500"}}
        if state == "Compare":
            return {"Payload": {"worse": _next(self._worse), "reason": "p99 is twice the champion's"}}
        if state in ("Look", "LookBefore"):
            return {"MetricAlarms": [{"AlarmName": "a-5xx", "StateValue": _next(self._alarms)}]}
        if state in ("Describe", "DescribeBack", "FindServing"):
            status, config = _next(self._statuses)
            return {"EndpointStatus": status, "EndpointConfigName": config}
        if state == "CreateEndpointConfig":
            return {"EndpointConfigArn": f"arn:endpoint-config/{arguments['EndpointConfigName']}"}
        return {}


def _next(values: list[Any]) -> Any:
    return values.pop(0) if len(values) > 1 else values[0]


def after(walk: Any, state: str) -> list[str]:
    """What came after the last visit of a state."""
    last = len(walk.visited) - 1 - walk.visited[::-1].index(state)
    return walk.visited[last + 1 :]


def test_the_first_model_is_deployed_to_a_new_endpoint(walk: Any) -> None:
    cloud = Cloud(plan(None), statuses=[("Creating", "new"), ("InService", "new")])
    done = walk(DEFINITION, cloud).run({"detail": {}})
    assert "CreateEndpoint" in done.visited and "UpdateEndpoint" not in done.visited
    assert done.failure is None
    assert done.output == {
        "outcome": "rolled_out",
        "reason": "fine",
        "endpoint": "e",
        "endpoint_config": "new",
        "model_version": "7",
    }


def test_plan_is_given_the_event_the_workload_and_the_execution(walk: Any) -> None:
    done = walk(DEFINITION, Cloud(plan(None), statuses=[("InService", "new")])).run({"detail": 1})
    payload = done.arguments["Plan"]["Payload"]
    assert payload == {"workload": "digits", "event": {"detail": 1}, "execution": "run-1"}
    assert done.arguments["Check"]["Payload"] == {
        "workload": "digits",
        "model_version": "7",
        "step": plan(None)["steps"][0],
    }


def test_a_later_model_updates_the_endpoint_and_old_ones_are_retired(walk: Any) -> None:
    cloud = Cloud(plan("old"), statuses=[("Updating", "old")] * 9 + [("InService", "new")])
    done = walk(DEFINITION, cloud).run({})
    assert "UpdateEndpoint" in done.visited and "CreateEndpoint" not in done.visited
    assert done.visited.count("Wait") == 10
    assert done.failure is None
    retired = done.arguments["Retire"]["Payload"]
    assert retired == {"workload": "digits", "previous_endpoint_config_name": "old", "versions_kept": 5}


def test_models_that_cannot_be_retired_do_not_fail_a_rollout(walk: Any, task_error: Any) -> None:
    cloud = Cloud(plan("old"), statuses=[("InService", "new")])
    cloud.failing["Retire"] = task_error("Lambda.Unknown", "no")
    assert walk(DEFINITION, cloud).run({}).output["outcome"] == "rolled_out"


def test_an_approval_that_a_later_one_overtook_changes_nothing(walk: Any) -> None:
    cloud = Cloud(
        plan("old", steps=[], superseded="version 8, which serves, is later"), statuses=[("InService", "old")]
    )
    done = walk(DEFINITION, cloud).run({})
    assert done.visited == ["Plan", "Superseded?", "Superseded"]
    assert (done.output["outcome"], done.output["reason"]) == ("superseded", "version 8, which serves, is later")


def test_an_update_that_sagemaker_rolled_back_in_silence_is_told_as_a_rollback(walk: Any) -> None:
    """RollingBack is waited for; then the check finds the old config serving."""
    cloud = Cloud(plan("old"), statuses=[("RollingBack", "old"), ("InService", "old")], check=False)
    done = walk(DEFINITION, cloud).run({})
    assert "Restore" not in done.visited
    assert after(done, "Back?") == CLEAN_UP
    assert done.failure == ("NotServing", "answered with 500")
    rejected = done.arguments["Reject"]
    assert rejected["ModelPackageArn"] == "arn:package/7"
    assert rejected["ApprovalDescription"] == "Not rolled out: NotServing: answered with 500"


def test_a_new_model_that_answers_wrongly_makes_way_for_the_old_one(walk: Any) -> None:
    statuses = [("InService", "new"), ("InService", "new"), ("Updating", "new"), ("InService", "old")]
    done = walk(DEFINITION, Cloud(plan("old"), statuses=statuses, check=False)).run({})
    assert done.arguments["Restore"] == {"EndpointName": "e", "EndpointConfigName": "old"}
    assert after(done, "Back?") == CLEAN_UP
    assert done.arguments["DeleteEndpointConfig"] == {"EndpointConfigName": "new"}
    assert done.arguments["DeleteModel"] == {"ModelName": "new"}
    assert done.failure == ("NotServing", "answered with 500")


def test_a_first_model_that_answers_wrongly_is_left_as_it_serves(walk: Any) -> None:
    """There is nothing to go back to, and what serves is never deleted."""
    done = walk(DEFINITION, Cloud(plan(None), statuses=[("InService", "new")], check=False)).run({})
    assert after(done, "Back?") == REPORT
    assert done.failure is not None


def test_a_restore_that_fails_leaves_what_serves_alone(walk: Any, task_error: Any) -> None:
    cloud = Cloud(plan("old"), statuses=[("InService", "new")], check=False)
    cloud.failing["Restore"] = task_error("SageMaker.SageMakerException", "no")
    done = walk(DEFINITION, cloud).run({})
    assert after(done, "Restore") == ["FindServing", "Back?", *REPORT]
    assert done.failure == ("NotServing", "answered with 500")


def test_an_endpoint_whose_creation_failed_is_deleted_with_all_that_belongs_to_it(walk: Any) -> None:
    done = walk(DEFINITION, Cloud(plan(None), statuses=[("Failed", "new")])).run({})
    assert after(done, "Back?") == ["DeleteEndpoint", *CLEAN_UP[2:]]
    assert done.failure is not None and done.failure[0] == "EndpointFailed"


def test_a_rollback_of_sagemakers_that_failed_half_way_is_repaired(walk: Any) -> None:
    statuses = [("UpdateRollbackFailed", "old"), ("UpdateRollbackFailed", "old"), ("Updating", "old")]
    done = walk(DEFINITION, Cloud(plan("old"), statuses=[*statuses, ("InService", "old")])).run({})
    assert done.arguments["Restore"]["EndpointConfigName"] == "old"
    assert after(done, "Back?") == CLEAN_UP


@pytest.mark.parametrize("status", ["Failed", "OutOfService"])
def test_an_endpoint_that_was_there_before_is_never_deleted(walk: Any, status: str) -> None:
    done = walk(DEFINITION, Cloud(plan("old"), statuses=[(status, "old")])).run({})
    assert after(done, "Back?") == REPORT
    assert done.failure is not None and done.failure[0] == "EndpointFailed"


def test_nothing_is_deleted_while_an_update_still_moves(walk: Any) -> None:
    done = walk(DEFINITION, Cloud(plan("old"), statuses=[("Updating", "old")])).run({})
    assert after(done, "Back?") == REPORT
    assert done.failure is not None and done.failure[0] == "EndpointTookTooLong"
    assert done.visited.count("Wait") >= WAIT_LIMIT_SECONDS / 30


def busy(task_error: Any, times: int) -> list[Exception | None]:
    refusal = task_error("SageMaker.SageMakerException", 'Cannot update in-progress endpoint "arn:e". (Service)')
    return [refusal] * times + [None]


@pytest.mark.parametrize("state", ["UpdateEndpoint", "UpdateWeights"])
def test_an_endpoint_that_autoscaling_is_changing_just_then_is_waited_for(
    walk: Any, task_error: Any, state: str
) -> None:
    cloud = split()
    cloud.refusing[state] = busy(task_error, 2)
    done = walk(DEFINITION, cloud).run({})
    assert done.failure is None
    assert after(done, "Pause")[:2] == ["Action?", state] and done.visited.count("Pause") == 2


def test_going_back_waits_for_autoscaling_too(walk: Any, task_error: Any) -> None:
    """First the endpoint is found scaling; then it begins to between the look and the call."""
    statuses = [("InService", "new"), ("Updating", "new"), ("InService", "new"), ("Updating", "new")]
    cloud = Cloud(plan("old"), statuses=[*statuses, ("InService", "new"), ("InService", "old")], check=False)
    cloud.refusing["Restore"] = busy(task_error, 1)
    done = walk(DEFINITION, cloud).run({})
    assert done.visited.count("PauseBack") == 2 and done.visited.count("Restore") == 2
    assert after(done, "Back?") == CLEAN_UP
    assert done.failure == ("NotServing", "answered with 500")


def test_the_config_says_since_when_it_has_all_traffic(walk: Any) -> None:
    """Of a split the last config: the shares came before it."""
    done = walk(DEFINITION, Cloud(plan("old", steps=AB), statuses=[("InService", "new")])).run({})
    assert done.arguments["Mark"]["ResourceArn"] == "arn:endpoint-config/new"
    (tag,) = done.arguments["Mark"]["Tags"]
    assert tag["Key"] == "slipway:serves-since" and datetime.fromisoformat(tag["Value"])
    assert done.visited.index("Mark") > max(i for i, name in enumerate(done.visited) if name == "Check")


@pytest.mark.parametrize("steps", [[], [step(action="weights", endpoint_config=None)]])
def test_without_a_config_of_its_own_a_rollout_marks_none(walk: Any, steps: list[dict[str, Any]]) -> None:
    done = walk(DEFINITION, Cloud(plan("old", steps=steps, model=None), statuses=[("InService", "new")])).run({})
    assert done.failure is None and "Mark" not in done.visited


RESIZE = {"EndpointName": "e", "DesiredWeightsAndCapacities": [{"VariantName": "primary", "DesiredInstanceCount": 4}]}


@pytest.mark.parametrize("refused", [0, 2])
def test_after_going_back_the_count_that_was_chosen_is_put_back(walk: Any, task_error: Any, refused: int) -> None:
    statuses = [("InService", "new"), ("InService", "new"), ("InService", "old")]
    cloud = Cloud(plan("old", resize_back=RESIZE), statuses=statuses, check=False)
    cloud.refusing["ResizeBack"] = busy(task_error, refused)
    done = walk(DEFINITION, cloud).run({})
    assert done.visited.count("ResizeBack") == refused + 1
    assert after(done, "ResizeBack") == ["WaitBack", "DescribeBack", "SettledBack?", "FindServing", "Back?", *CLEAN_UP]
    assert done.failure == ("NotServing", "answered with 500")


def test_a_count_that_cannot_be_put_back_is_told_beside_the_cause(walk: Any, task_error: Any) -> None:
    statuses = [("InService", "new"), ("InService", "new"), ("InService", "old")]
    cloud = Cloud(plan("old", resize_back=RESIZE), statuses=statuses, check=False)
    cloud.failing["ResizeBack"] = task_error("SageMaker.ResourceLimitExceededException", "no capacity")
    done = walk(DEFINITION, cloud).run({})
    assert after(done, "ResizeBack") == ["FindServing", "Back?", *CLEAN_UP]
    assert done.failure == ("NotServing", "answered with 500; the instance count was not put back: no capacity")


def test_autoscaling_that_cannot_be_put_back_is_told_beside_the_cause(walk: Any, task_error: Any) -> None:
    request = {"call": "target", "request": {"ResourceId": "endpoint/e/variant/primary"}}
    cloud = Cloud(plan("old", scale_back=[request]), statuses=[("InService", "old")], check=False)
    cloud.failing["RegisterTargetBack"] = task_error("ApplicationAutoScaling.ValidationException", "too small")
    done = walk(DEFINITION, cloud).run({})
    assert after(done, "RegisterTargetBack") == CLEAN_UP[1:]
    assert done.failure == ("NotServing", "answered with 500; autoscaling was not put back: too small")


LIMITED = {"set": {"AlarmName": "a", "Threshold": 3.0}, "lift": {"AlarmName": "a", "Threshold": 9.0}, "note": "limit 3"}


def test_the_limit_of_latency_is_set_for_the_rollout_and_lifted_after_it(walk: Any) -> None:
    done = walk(DEFINITION, Cloud(plan("old", latency=LIMITED), statuses=[("InService", "new")])).run({})
    assert done.arguments["SetLimit"] == LIMITED["set"] and done.arguments["LiftLimit"] == LIMITED["lift"]
    order = [name for name in done.visited if name in ("SetLimit", "UpdateEndpoint", "Check", "LiftLimit")]
    assert order == ["SetLimit", "UpdateEndpoint", "Check", "LiftLimit"]
    assert done.output["reason"] == "fine; limit 3"


def test_the_limit_of_latency_stays_while_an_update_goes_on_that_it_guards(walk: Any) -> None:
    cloud = Cloud(plan("old", latency=LIMITED), statuses=[("Updating", "old")])
    done = walk(DEFINITION, cloud).run({})
    assert done.failure is not None and done.failure[0] == "EndpointTookTooLong"
    assert not {"LiftLimit", "LiftLimitBack"} & set(done.visited)
    done = walk(DEFINITION, Cloud(plan("old", latency=LIMITED), statuses=[("InService", "old")], check=False)).run({})
    assert after(done, "Reject") == ["LiftBack?", "LiftLimitBack", "ReportFailure", "Failed"]


def test_a_refused_model_is_cleaned_up_but_not_rejected(walk: Any, task_error: Any) -> None:
    """A missing permission is not the model's fault."""
    cloud = Cloud(plan(None), statuses=[("InService", "new")])
    cloud.failing = {
        "CreateModel": task_error("SageMaker.SageMakerException", "not authorized to perform: iam:PassRole"),
        "FindServing": task_error(*NOT_FOUND),
    }
    done = walk(DEFINITION, cloud).run({})
    assert after(done, "Back?") == [*DELETED, *REPORT]
    assert done.failure == ("SageMaker.SageMakerException", "not authorized to perform: iam:PassRole")


def test_nothing_is_deleted_while_it_is_unknown_what_serves(walk: Any, task_error: Any) -> None:
    cloud = Cloud(plan("old"), statuses=[("InService", "old")])
    cloud.failing = {
        "UpdateEndpoint": task_error("SageMaker.SageMakerException", "no"),
        "FindServing": task_error("SageMaker.SageMakerException", "Rate exceeded"),
    }
    done = walk(DEFINITION, cloud).run({})
    assert after(done, "Back?") == REPORT


@pytest.mark.parametrize("broken", ["DeleteEndpointConfig", "DeleteModel", "Reject", "ReportFailure", "FindServing"])
def test_trouble_in_the_clean_up_does_not_hide_the_cause(walk: Any, task_error: Any, broken: str) -> None:
    cloud = Cloud(plan("old"), statuses=[("InService", "old")], check=False)
    cloud.failing = {broken: task_error("SageMaker.SageMakerException", "another trouble")}
    assert walk(DEFINITION, cloud).run({}).failure == ("NotServing", "answered with 500")


def test_a_failed_plan_is_reported_without_clean_up(walk: Any, task_error: Any) -> None:
    cloud = Cloud(plan(None), statuses=[("InService", "new")])
    cloud.failing["Plan"] = task_error("PackageNotApproved", "version 7 is Rejected")
    done = walk(DEFINITION, cloud).run({})
    assert done.visited == ["Plan", *REPORT[1:]]
    assert '"error":"PackageNotApproved"' in done.arguments["ReportFailure"]["Message"]


def test_nothing_is_begun_while_an_alarm_is_on(walk: Any) -> None:
    cloud = Cloud(plan("old", alarms=["a-5xx"]), statuses=[("InService", "old")], alarms=["ALARM"])
    done = walk(DEFINITION, cloud).run({})
    assert "CreateModel" not in done.visited and "Reject" not in done.visited
    assert done.failure is not None and done.failure[0] == "AlarmIsOn"
    assert "alarm a-5xx is on" in done.failure[1]


def split(statuses: list[tuple[str, str]] | None = None, **rest: Any) -> Cloud:
    settled = [("InService", "new-split"), ("InService", "new-split"), ("InService", "new")]
    return Cloud(plan("old", steps=AB, alarms=["a-5xx"]), statuses=statuses or settled, **rest)


def test_a_split_takes_every_step_and_watches_each(walk: Any) -> None:
    done = walk(DEFINITION, split()).run({})
    assert done.failure is None
    assert [name for name in done.visited if name in ("UpdateEndpoint", "UpdateWeights", "Compare")] == [
        "UpdateEndpoint",
        "Compare",
        "UpdateWeights",
        "Compare",
        "UpdateEndpoint",
    ]
    assert done.visited.count("CreateModel") == 1
    assert done.visited.count("Bake") == 2 * 3
    assert done.output["endpoint_config"] == "new"


def test_the_longest_watch_fits_into_an_executions_history(walk: Any) -> None:
    """25,000 events (Step Functions guide, "Service quotas"): one more ends the execution, and nothing catches that."""
    steps = [{**each, "watch_seconds": 86_400} for each in [*AB[:1], *[AB[1]] * 19]]
    cloud = Cloud(plan("old", steps=steps, alarms=["a-5xx"]), statuses=[("InService", "new-split")])
    done = walk(DEFINITION, cloud).run({})
    assert done.failure is None
    assert done.visited.count("Compare") == len(steps)
    types = {name: state["Type"] for name, state in DEFINITION["States"].items()}
    events = sum(5 if types[name] == "Task" else 2 for name in done.visited)
    assert 10_000 < events < 20_000


def test_an_update_ends_before_nobody_waits_for_it_any_more() -> None:
    assert LONGEST_DEPLOYMENT_SECONDS < DEPLOYMENT_LIMIT_SECONDS < WAIT_LIMIT_SECONDS


@pytest.mark.parametrize("tick", range(6))
def test_an_alarm_at_any_tick_of_a_split_gives_the_old_variant_all_traffic_at_once(walk: Any, tick: int) -> None:
    """Then the old config is put back, which takes longer."""
    moving = [("InService", "new-split")] * (1 if tick < 3 else 2)
    back = [("InService", "new-split"), ("InService", "new-split"), ("Updating", "new-split"), ("InService", "old")]
    alarms = ["OK"] * (1 + tick) + ["ALARM"]
    done = walk(DEFINITION, split([*moving, *back], alarms=alarms)).run({})
    assert done.arguments["Retreat"] == SPLIT["retreat"]
    assert done.visited.index("Retreat") < done.visited.index("Restore")
    assert done.failure is not None and done.failure[0] == "AlarmWentOff"
    assert done.visited.count("DeleteEndpointConfig") == 2
    assert after(done, "AtFault?") == ["Reject", *REPORT]


def test_a_challenger_that_did_worse_goes(walk: Any) -> None:
    statuses = [("InService", "new-split")] * 3 + [("InService", "old")]
    done = walk(DEFINITION, split(statuses, worse=[True])).run({})
    assert done.failure == ("WorseThanBefore", "share 10 %: p99 is twice the champion's")
    assert "Retreat" in done.visited and "Restore" in done.visited


def test_a_retreat_that_is_refused_still_restores_the_old_config(walk: Any, task_error: Any) -> None:
    cloud = split([("InService", "new-split")] * 2 + [("InService", "old")], worse=[True])
    cloud.failing["Retreat"] = task_error("SageMaker.SageMakerException", "no")
    done = walk(DEFINITION, cloud).run({})
    assert after(done, "Retreat")[:2] == ["ReleaseBack?", "Restore"]
    assert done.failure is not None and done.failure[0] == "WorseThanBefore"


def test_the_last_step_of_a_split_goes_back_to_the_config_of_before(walk: Any) -> None:
    statuses = [("InService", "new-split")] * 2 + [("InService", "new")] * 2 + [("InService", "old")]
    done = walk(DEFINITION, split(statuses, check=[True, True, False])).run({})
    assert done.arguments["Restore"]["EndpointConfigName"] == "old"
    assert done.visited.count("DeleteEndpointConfig") == 2


TRAFFIC = step(
    name="traffic blue 90, green 10",
    action="weights",
    endpoint_config=None,
    config="old",
    ask=None,
    retreat=SPLIT["retreat"],
)


def test_traffic_by_hand_makes_nothing_new(walk: Any) -> None:
    planned = plan("old", model=None, package_arn=None, steps=[TRAFFIC])
    done = walk(DEFINITION, Cloud(planned, statuses=[("InService", "old")])).run({"command": "traffic"})
    assert done.failure is None
    assert not {"CreateModel", "CreateEndpointConfig", "UpdateEndpoint"} & set(done.visited)


def test_traffic_by_hand_that_does_not_serve_goes_back_to_the_weights_of_before(walk: Any) -> None:
    planned = plan("old", model=None, package_arn=None, steps=[TRAFFIC])
    done = walk(DEFINITION, Cloud(planned, statuses=[("InService", "old")], check=False)).run({"command": "traffic"})
    assert "Retreat" in done.visited
    assert not {"Restore", "DeleteEndpointConfig", "DeleteModel", "Reject"} & set(done.visited)
    assert done.failure == ("NotServing", "answered with 500")
