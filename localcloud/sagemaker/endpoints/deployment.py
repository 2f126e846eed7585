"""An endpoint update as a plan: which steps of traffic and instances a DeploymentConfig asks for.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html. The plan is plain data; `rollout.py` takes
its steps. In every blue/green mode a baking period follows each shift, the last one included
(deployment-guardrails-blue-green-canary: "then all of the traffic shifts to the green fleet and there is a final baking
period"); TerminationWaitInSeconds comes "after the completion of an endpoint deployment", when alarms no longer count.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_ALARM_INTERVAL_SECONDS = 1.0


@dataclass(frozen=True)
class Shift:
    """Gives the new fleet this part (0 to 1) of the traffic."""

    part: float


@dataclass(frozen=True)
class Replace:
    """Brings the fleets to these numbers of instances; traffic follows the instances."""

    old: int
    new: int


@dataclass(frozen=True)
class Bake:
    """Waits this many seconds while the alarms are watched."""

    seconds: float


@dataclass(frozen=True)
class Linger:
    """Keeps the old fleet this many seconds longer; the deployment is complete."""

    seconds: float


Step = Shift | Replace | Bake | Linger


class RolledBack(Exception):
    """The deployment was given up; the message is the endpoint's FailureReason."""


def is_rolling(config: dict[str, Any] | None) -> bool:
    """Whether the DeploymentConfig replaces instances batch by batch, instead of a whole fleet (blue/green)."""
    return "RollingUpdatePolicy" in (config or {})


def plan_steps(config: dict[str, Any] | None, *, old: int, new: int) -> list[Step]:
    """The steps of a DeploymentConfig; without one, all traffic at once.

    Args:
        old, new: instances of the two fleets. Sizes given as instance counts refer to the new one.
    """
    config = config or {}
    if is_rolling(config):
        return _rolling(config["RollingUpdatePolicy"], old, new)
    policy = config.get("BlueGreenUpdatePolicy", {})
    routing = policy.get("TrafficRoutingConfiguration", {"Type": "ALL_AT_ONCE"})
    steps: list[Step] = []
    for part in _parts(routing, new):
        steps += [Shift(part), Bake(routing.get("WaitIntervalInSeconds", 0))]
    steps.append(Linger(policy.get("TerminationWaitInSeconds", 0)))
    return [step for step in steps if step not in (Bake(0), Linger(0))]


def plan_rollback(config: dict[str, Any], *, old: int, new: int, total: int) -> list[Replace]:
    """From `old` and `new` instances back to `total` old ones, in batches of RollbackMaximumBatchSize.

    "If this field is absent, the default value will be set to 100% of total capacity" (RollingUpdatePolicy).
    """
    size = config["RollingUpdatePolicy"].get("RollbackMaximumBatchSize")
    batch = _batch(size, total) if size else total
    # The same way as an update, with the fleets in each other's place.
    return [Replace(old=step.new, new=step.old) for step in _batches(new, old, total, batch)]


def alarm_names(config: dict[str, Any] | None) -> list[str]:
    """The alarms of AutoRollbackConfiguration."""
    alarms = (config or {}).get("AutoRollbackConfiguration", {}).get("Alarms", [])
    return [alarm["AlarmName"] for alarm in alarms]


def execution_timeout(config: dict[str, Any] | None) -> float | None:
    """MaximumExecutionTimeoutInSeconds of whichever policy there is."""
    config = config or {}
    policy = config.get("RollingUpdatePolicy") or config.get("BlueGreenUpdatePolicy") or {}
    return policy.get("MaximumExecutionTimeoutInSeconds")


def bake(seconds: float, *, wait: Callable[[float], None], check: Callable[[], None]) -> None:
    """Waits, and checks the alarms before, while and after.

    Args:
        wait: sleeps; may raise to give the deployment up.
        check: raises RolledBack when an alarm rings.
    """
    while seconds > 0:
        check()
        wait(min(seconds, _ALARM_INTERVAL_SECONDS))
        seconds -= _ALARM_INTERVAL_SECONDS
    check()


def _parts(routing: dict[str, Any], instances: int) -> list[float]:
    if routing["Type"] == "CANARY":
        return [_part(routing["CanarySize"], instances), 1.0]
    if routing["Type"] == "LINEAR":
        part = _part(routing["LinearStepSize"], instances)
        return [min(1.0, number * part) for number in range(1, math.ceil(round(1 / part, 9)) + 1)]
    return [1.0]


def _rolling(policy: dict[str, Any], old: int, new: int) -> list[Step]:
    steps: list[Step] = []
    for batch in _batches(old, 0, new, _batch(policy["MaximumBatchSize"], new)):
        steps += [batch, Bake(policy["WaitIntervalInSeconds"])]
    return [step for step in steps if step != Bake(0)]


def _batches(leaving: int, present: int, total: int, batch: int) -> list[Replace]:
    """`leaving` instances make way while the others grow from `present` to `total`, `batch` at a time."""
    steps, start = [], present
    while present < total:
        present = min(total, present + batch)
        # Never less capacity than the share of the way that is left.
        left = math.ceil(leaving * (total - present) / (total - start))
        steps.append(Replace(old=left, new=present))
    return steps or [Replace(old=0, new=total)]


def _batch(size: dict[str, Any], instances: int) -> int:
    """ "Maximum" batch size: percentages are rounded down, but to one instance at least."""
    return max(1, math.floor(_part(size, instances) * instances + 1e-9))


def _part(size: dict[str, Any], instances: int) -> float:
    whole = 100 if size["Type"] == "CAPACITY_PERCENT" else instances
    return min(1.0, size["Value"] / whole)
