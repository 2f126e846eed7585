"""An endpoint update as a plan of traffic steps (blue/green deployment), and its execution.

The plan is plain data. Executing it moves traffic between the old fleet and the new one, and watches alarms while it
waits; the caller brings the new fleet up before and ends the loser after.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_ALARM_INTERVAL_SECONDS = 1.0


@dataclass(frozen=True)
class Shift:
    """Gives the new fleet this part (0 to 1) of the traffic."""

    part: float


@dataclass(frozen=True)
class Bake:
    """Waits this many seconds while the alarms are watched."""

    seconds: float


Step = Shift | Bake


class RolledBack(Exception):
    """The deployment was given up; the message is the endpoint's FailureReason."""


def plan_steps(config: dict[str, Any] | None, *, instances: int) -> list[Step]:
    """The steps of a DeploymentConfig; without one, all traffic at once.

    A rolling update is a linear shift here: instances cost nothing on one machine, so both fleets exist throughout.

    Args:
        instances: of the new fleet, to which sizes given as instance counts refer.
    """
    config = config or {}
    if rolling := config.get("RollingUpdatePolicy"):
        return _linear(rolling["MaximumBatchSize"], rolling["WaitIntervalInSeconds"], instances)
    policy = config.get("BlueGreenUpdatePolicy", {})
    routing = policy.get("TrafficRoutingConfiguration", {"Type": "ALL_AT_ONCE"})
    wait = routing.get("WaitIntervalInSeconds", 0)
    if routing["Type"] == "CANARY":
        steps = [Shift(_part(routing["CanarySize"], instances)), Bake(wait), Shift(1.0)]
    elif routing["Type"] == "LINEAR":
        steps = _linear(routing["LinearStepSize"], wait, instances)
    else:
        # The old fleet stays until the end of WaitIntervalInSeconds, then of TerminationWaitInSeconds.
        steps = [Shift(1.0), Bake(wait)]
    return [step for step in [*steps, Bake(policy.get("TerminationWaitInSeconds", 0))] if step != Bake(0)]


def alarm_names(config: dict[str, Any] | None) -> list[str]:
    """The alarms of AutoRollbackConfiguration."""
    alarms = (config or {}).get("AutoRollbackConfiguration", {}).get("Alarms", [])
    return [alarm["AlarmName"] for alarm in alarms]


def execute(
    steps: Sequence[Step],
    *,
    shift: Callable[[float], None],
    wait: Callable[[float], None],
    ringing: Callable[[], str | None],
) -> None:
    """Takes the steps. Raises RolledBack as soon as an alarm rings while one bakes.

    Args:
        shift: routes a part of the traffic to the new fleet.
        wait: sleeps; may raise to give the deployment up.
        ringing: the name of an alarm in state ALARM, or None.
    """
    for step in steps:
        if isinstance(step, Shift):
            shift(step.part)
            continue
        left = step.seconds
        while left > 0:
            _check(ringing())
            wait(min(left, _ALARM_INTERVAL_SECONDS))
            left -= _ALARM_INTERVAL_SECONDS
        _check(ringing())


def _check(alarm: str | None) -> None:
    if alarm is not None:
        raise RolledBack(f"One or more alarms went into ALARM state during the deployment: [{alarm}]. Rolled back.")


def _linear(size: dict[str, Any], wait: float, instances: int) -> list[Step]:
    part = _part(size, instances)
    steps: list[Step] = []
    for number in range(1, math.ceil(round(1 / part, 9)) + 1):
        steps += [Shift(min(1.0, number * part)), Bake(wait)]
    return steps


def _part(size: dict[str, Any], instances: int) -> float:
    whole = 100 if size["Type"] == "CAPACITY_PERCENT" else instances
    return min(1.0, size["Value"] / whole)
