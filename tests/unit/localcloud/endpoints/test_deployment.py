"""A deployment is a plan of steps; an alarm during a bake ends it."""

import itertools
from typing import Any

import pytest

from localcloud.sagemaker.endpoints.deployment import (
    Bake,
    Linger,
    Replace,
    RolledBack,
    Shift,
    bake,
    plan_rollback,
    plan_steps,
)


def _blue_green(kind: str, *, termination: int = 0, **members: Any) -> dict[str, Any]:
    routing = {"Type": kind, "WaitIntervalInSeconds": 60, **members}
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": termination,
        }
    }


def _rolling(size: dict[str, Any], *, wait: int = 0, **members: Any) -> dict[str, Any]:
    return {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": wait, **members}}


def _percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


@pytest.mark.parametrize(
    ("config", "steps"),
    [
        (None, [Shift(1.0)]),
        (_blue_green("ALL_AT_ONCE", termination=30), [Shift(1.0), Bake(60), Linger(30)]),
        (_blue_green("CANARY", CanarySize=_percent(10)), [Shift(0.1), Bake(60), Shift(1.0), Bake(60)]),
        (
            _blue_green("CANARY", CanarySize={"Type": "INSTANCE_COUNT", "Value": 1}, termination=5),
            [Shift(0.25), Bake(60), Shift(1.0), Bake(60), Linger(5)],
        ),
        (
            _blue_green("LINEAR", LinearStepSize=_percent(50)),
            [Shift(0.5), Bake(60), Shift(1.0), Bake(60)],
        ),
        (
            _rolling(_percent(50), wait=9),
            [Replace(old=2, new=2), Bake(9), Replace(old=0, new=4), Bake(9)],
        ),
        (
            _rolling({"Type": "INSTANCE_COUNT", "Value": 1}),
            [Replace(old=3, new=1), Replace(old=2, new=2), Replace(old=1, new=3), Replace(old=0, new=4)],
        ),
    ],
)
def test_every_strategy_is_a_plan(config: dict[str, Any] | None, steps: list) -> None:
    assert plan_steps(config, old=4, new=4) == steps


@pytest.mark.parametrize("percent", [10, 15, 30, 33, 50])
def test_linear_steps_grow_evenly_and_end_at_all_traffic(percent: int) -> None:
    steps = plan_steps(_blue_green("LINEAR", LinearStepSize=_percent(percent)), old=1, new=1)
    parts = [step.part for step in steps if isinstance(step, Shift)]
    assert parts == sorted(set(parts))
    assert parts[-1] == 1.0
    assert all(later - earlier <= percent / 100 + 1e-9 for earlier, later in zip([0.0, *parts], parts, strict=False))


@pytest.mark.parametrize("old", [1, 3, 4, 10])
@pytest.mark.parametrize("new", [1, 2, 7, 20])
@pytest.mark.parametrize("percent", [5, 20, 33, 50])
def test_a_rolling_update_never_has_less_capacity_than_the_smaller_fleet(old: int, new: int, percent: int) -> None:
    steps = plan_steps(_rolling(_percent(percent)), old=old, new=new)
    assert steps[-1] == Replace(old=0, new=new)
    assert all(step.old + step.new >= min(old, new) for step in steps)
    sizes = [0, *(step.new for step in steps)]
    assert all(0 < after - before <= max(1, new * percent // 100) for before, after in itertools.pairwise(sizes))


@pytest.mark.parametrize(
    ("size", "steps"),
    [
        (None, [Replace(old=4, new=0)]),
        (_percent(100), [Replace(old=4, new=0)]),
        (_percent(25), [Replace(old=2, new=2), Replace(old=3, new=1), Replace(old=4, new=0)]),
        ({"Type": "INSTANCE_COUNT", "Value": 2}, [Replace(old=3, new=1), Replace(old=4, new=0)]),
    ],
)
def test_a_rolling_rollback_goes_back_in_batches_of_its_own(size: dict | None, steps: list[Replace]) -> None:
    config = _rolling(_percent(50), **({"RollbackMaximumBatchSize": size} if size else {}))
    assert plan_rollback(config, old=1, new=3, total=4) == steps


def test_nothing_to_roll_back_is_only_traffic() -> None:
    assert plan_rollback(_rolling(_percent(50)), old=4, new=1, total=4) == [Replace(old=4, new=0)]


@pytest.mark.parametrize("tick", range(5))
def test_an_alarm_at_any_moment_of_a_bake_ends_the_deployment(tick: int) -> None:
    ticks = iter(range(100))

    def check() -> None:
        if next(ticks) == tick:
            raise RolledBack("errors")

    with pytest.raises(RolledBack, match="errors"):
        bake(4, wait=lambda _: None, check=check)


def test_waits_add_up_to_the_bake() -> None:
    waited: list[float] = []
    bake(2.5, wait=waited.append, check=lambda: None)
    assert sum(waited) == 2.5
