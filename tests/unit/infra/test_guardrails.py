"""SageMaker's deployment guardrails under our machine: an alarm at every look, a failure at every instance's start.

The rollout machine is walked with the update that `plan_rollout` asks for; the embedded cloud's own deployment performs
it, on instances that only count, by a clock that waiting moves on.
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plan_rollout import requests

from localcloud.sagemaker.endpoints.deployment import RolledBack
from localcloud.sagemaker.endpoints.fleet import Fleet, FleetUnhealthy, VariantFleet
from localcloud.sagemaker.endpoints.instance import InstanceUnhealthy
from localcloud.sagemaker.endpoints.models import VariantSpec
from localcloud.sagemaker.endpoints.rollout import RollbackFailed, Rollout
from localcloud.sagemaker.endpoints.routing import Share
from tests.support.rollout_machine import DEFINITION

DESCRIPTOR = json.loads((Path(__file__).parents[2] / "events" / "workload_descriptor.json").read_text())
OLD, NEW, INSTANCES, ALARM = "v1", "v2", 4, DESCRIPTOR["rollout"]["alarms"][0]
STRATEGIES: dict[str, dict[str, Any]] = {
    "all_at_once": {"bake_seconds": 3},
    "canary": {"size_percent": 25, "bake_seconds": 3},
    "linear": {"step_percent": 25, "interval_seconds": 2},
    "rolling": {"batch_percent": 50, "interval_seconds": 2},
}


class Instance:
    """Of the fleet of a config; it only counts, and fails to start when it is its turn."""

    ready = True

    def __init__(self, sagemaker: SageMaker) -> None:
        self._sagemaker = sagemaker

    def start(self) -> None:
        self._sagemaker.starts_one()

    def stop(self, *, drain_seconds: float) -> None:
        """Nothing runs."""


class SageMaker:
    """One endpoint. From look `alarm_at` on (of all that an update takes) the alarm is on; starts `failing` fail."""

    def __init__(self, strategy: str, *, alarm_at: int | None = None, failing: frozenset[int] = frozenset()) -> None:
        descriptor = copy.deepcopy(DESCRIPTOR)
        descriptor["rollout"] |= {"strategy": strategy, **STRATEGIES[strategy]}
        self._request = requests.update_endpoint(descriptor, config=NEW, guarded=True)
        self._alarm_at, self._failing = alarm_at, failing
        self._lock = threading.Lock()
        self.looks, self.starts, self.now = 0, -INSTANCES, 0.0
        self.fleet = self._fleet(OLD)
        self.fleet.start()
        self.config, self.status, self.reason = OLD, "InService", ""
        self.started_before_the_alarm = self.moving = 0
        self.routed = [Share(self.fleet, 1.0)]
        self.deleted: set[str] = set()

    def starts_one(self) -> None:
        with self._lock:
            turn, self.starts = self.starts, self.starts + 1
        if turn in self._failing:
            raise InstanceUnhealthy("no capacity")

    def __call__(self, state: str, arguments: Any) -> Any:
        if state == "Plan":
            return {"Payload": self._plan()}
        if state in ("UpdateEndpoint", "Restore"):
            self._update(arguments["EndpointConfigName"], arguments.get("DeploymentConfig"))
        elif state in ("Describe", "DescribeBack", "FindServing"):
            return self._describe()
        elif state == "Check":
            serving = self.config == NEW and self.status == "InService"
            return {"Payload": {"serving": serving, "reason": self.reason or "fine"}}
        elif state == "LookBefore":
            return {"MetricAlarms": [{"AlarmName": ALARM, "StateValue": "OK"}]}
        elif state.startswith("Delete"):
            self.deleted |= set(arguments.values())
        elif state == "CreateEndpointConfig":
            return {"EndpointConfigArn": f"arn:endpoint-config/{arguments['EndpointConfigName']}"}
        return {}

    def _plan(self) -> dict[str, Any]:
        step = {
            "name": "update",
            "action": "update",
            "endpoint_config": {"EndpointConfigName": NEW},
            "request": self._request,
            "config": NEW,
            "models": {"primary": NEW},
            "ask": "primary",
            "watch_seconds": 0,
            "compare": None,
            "retreat": None,
            "release": [],
            "scale": [],
        }
        return {
            "workload": "digits",
            "model_version": "2",
            "package_arn": "arn:package/2",
            "model": {"ModelName": "model-2"},
            "endpoint_name": "e",
            "exists": True,
            "previous_endpoint_config_name": OLD,
            "versions_kept": 5,
            "superseded": None,
            "alarms": [ALARM],
            "steps": [step],
            "created_configs": [NEW],
            "release_back": [],
            "scale_back": [],
            "restore": {"EndpointName": "e", "EndpointConfigName": OLD},
            "resize_back": None,
            "latency": {"set": None, "lift": None, "note": None},
        }

    def _describe(self) -> dict[str, str]:
        self.moving -= 1
        status = "Updating" if self.moving >= 0 else self.status
        return {"EndpointStatus": status, "EndpointConfigName": self.config, "FailureReason": self.reason}

    def _fleet(self, config: str) -> Fleet:
        spec = VariantSpec(name="primary", weight=1.0, count=INSTANCES, image=config)
        return Fleet([VariantFleet(spec, None, lambda spec, image: Instance(self))])  # type: ignore[arg-type]

    def _update(self, config: str, deployment: dict[str, Any] | None) -> None:
        """As the embedded cloud's supervisor does it, at once."""
        rollout = Rollout(
            self.fleet,
            deployment,
            route=self._route,
            wait=self._wait,
            check=self._look,
            progress=lambda *_: None,
            drain_seconds=0,
            clock=lambda: self.now,
        )
        self.moving, self.reason = 2, ""
        try:
            new = rollout.run(lambda: self._fleet(config))
        except (FleetUnhealthy, RolledBack) as error:
            self._roll_back(rollout, f"SageMaker rolled back: {error}")
            return
        self.fleet, self.config, self.status = new, config, "InService"

    def _roll_back(self, rollout: Rollout, reason: str) -> None:
        try:
            rollout.roll_back(reason)
        except RollbackFailed as failed:
            self.fleet, self.status, self.reason = failed.mixture, "UpdateRollbackFailed", str(failed)
            self._route([Share(self.fleet, 1.0)])
            return
        self.status, self.reason = "InService", reason

    def _route(self, shares: list[Share]) -> None:
        assert sum(share.part for share in shares) == pytest.approx(1.0)
        assert all(share.fleet.size > 0 for share in shares if share.part > 0), "traffic for a fleet without instances"
        self.routed = shares

    def _wait(self, seconds: float) -> None:
        self.now += seconds

    def _look(self, names: list[str]) -> None:
        if not names:
            return
        assert list(names) == [ALARM]
        turn, self.looks = self.looks, self.looks + 1
        if self._alarm_at is not None and turn >= self._alarm_at:
            self.started_before_the_alarm = self.starts
            raise RolledBack(f"[{ALARM}] is in ALARM")

    def served_by(self) -> dict[str, int]:
        """Instances of each config that traffic goes to."""
        variants = [variant for share in self.routed if share.part > 0 for variant in share.fleet.variants]
        return {variant.spec.image: len(variant.instances) for variant in variants}


def healthy(strategy: str, walk: Any) -> SageMaker:
    sagemaker = SageMaker(strategy)
    done = walk(DEFINITION, sagemaker).run({})
    assert (done.failure, sagemaker.served_by(), sagemaker.deleted) == (None, {NEW: INSTANCES}, set())
    return sagemaker


def assert_gone_back(done: Any, sagemaker: SageMaker, cause: str) -> None:
    assert done.failure is not None and cause in done.failure[1]
    assert "Reject" in done.visited and done.visited[-1] == "Failed"
    assert (sagemaker.config, sagemaker.status, sagemaker.served_by()) == (OLD, "InService", {OLD: INSTANCES})
    assert sagemaker.deleted == {NEW, "model-2"}


def alarms(strategy: str, walk: Any) -> Iterator[int]:
    looks = healthy(strategy, walk).looks
    assert looks >= 4, "before, while and after each move of traffic"
    return iter(range(looks))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_alarm_at_any_look_leaves_the_old_model_serving_alone(walk: Any, strategy: str) -> None:
    for look in alarms(strategy, walk):
        sagemaker = SageMaker(strategy, alarm_at=look)
        done = walk(DEFINITION, sagemaker).run({})
        assert sagemaker.looks == look + 1, "SageMaker gives up at the first look that finds it on"
        assert "Restore" not in done.visited, "SageMaker went back by itself"
        assert_gone_back(done, sagemaker, ALARM)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_instance_that_does_not_come_up_leaves_the_old_model_serving_alone(walk: Any, strategy: str) -> None:
    starts = healthy(strategy, walk).starts
    assert starts == INSTANCES
    for start in range(starts):
        sagemaker = SageMaker(strategy, failing=frozenset({start}))
        assert_gone_back(walk(DEFINITION, sagemaker).run({}), sagemaker, "no capacity")


def test_a_rollback_of_a_rolling_update_that_fails_at_any_alarm_is_repaired(walk: Any) -> None:
    """UpdateRollbackFailed: old and new instances are mixed, until the machine puts the old config back."""
    repaired = 0
    for look in alarms("rolling", walk):
        probe = SageMaker("rolling", alarm_at=look)
        walk(DEFINITION, probe).run({})
        sagemaker = SageMaker("rolling", alarm_at=look, failing=frozenset({probe.started_before_the_alarm}))
        done = walk(DEFINITION, sagemaker).run({})
        assert_gone_back(done, sagemaker, ALARM)
        repaired += "Restore" in done.visited
    assert repaired >= 2
