"""What a policy wants the capacity to be.

https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_INFINITY = math.inf


@dataclass(frozen=True, kw_only=True)
class Last:
    """The last scaling activity of a target: when (epoch seconds), from which capacity to which."""

    at: float
    before: int
    after: int

    @property
    def outwards(self) -> bool:
        return self.after > self.before


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A policy's wish, and the alarm behind it."""

    capacity: int
    policy_name: str
    alarm_name: str


def track(current: int, value: float, target: float) -> int:
    """The capacity at which a metric that falls with capacity would meet its target, rounded up.

    From zero there is nothing to divide by: one instance more.
    """
    if current == 0:
        return 1 if value > target else 0
    return math.ceil(round(current * value / target, 9))


def step(current: int, over: float, configuration: Mapping[str, Any]) -> int:
    """The capacity after the step adjustment for a metric that is ``over`` the alarm's threshold."""
    for adjustment in configuration["StepAdjustments"]:
        lower = adjustment.get("MetricIntervalLowerBound", -_INFINITY)
        upper = adjustment.get("MetricIntervalUpperBound", _INFINITY)
        # Above the threshold the lower bound belongs to the interval, below it the upper one.
        inside = lower <= over < upper if over >= 0 else lower < over <= upper
        if inside:
            return max(0, _adjusted(current, adjustment["ScalingAdjustment"], configuration))
    return current


def _adjusted(current: int, adjustment: int, configuration: Mapping[str, Any]) -> int:
    kind = configuration["AdjustmentType"]
    if kind == "ExactCapacity":
        return adjustment
    change = adjustment if kind == "ChangeInCapacity" else _percent(current, adjustment)
    least = configuration.get("MinAdjustmentMagnitude", 0) if kind == "PercentChangeInCapacity" else 0
    if change and abs(change) < least:
        change = int(math.copysign(least, change))
    return current + change


def _percent(current: int, percent: int) -> int:
    """Rounded towards zero, but never to zero."""
    exact = current * percent / 100
    return math.trunc(exact) if abs(exact) >= 1 else int(math.copysign(1, exact)) if exact else 0


def outwards(current: int, last: Last | None, cooldown: float, now: float) -> int:
    """The capacity that a wish to scale out starts from.

    While the cooldown lasts, what was added is part of the next scale-out: a larger one adds the difference only.
    """
    if last is not None and last.outwards and now < last.at + cooldown:
        return last.before
    return current


def may_scale_in(last: Last | None, cooldown: float, now: float) -> bool:
    """A scale-in waits for the end of the cooldown of the scale-in before it."""
    return last is None or last.outwards or now >= last.at + cooldown


def choose(current: int, wishes: Iterable[Wish | None]) -> Wish | None:
    """Of several policies' wishes: the largest scale-out, or the smallest scale-in if all of them agree to scale in.

    None in ``wishes`` is a policy that could scale in and does not want to.
    """
    given = list(wishes)
    out = [wish for wish in given if wish is not None and wish.capacity > current]
    if out:
        return max(out, key=lambda wish: wish.capacity)
    if not given or any(wish is None or wish.capacity >= current for wish in given):
        return None
    return max((wish for wish in given if wish is not None), key=lambda wish: wish.capacity)
