"""A deployment is a plan of traffic steps; an alarm during a bake ends it."""

from typing import Any

import pytest

from localcloud.sagemaker.endpoints.deployment import Bake, RolledBack, Shift, execute, plan_steps


def _blue_green(kind: str, *, termination: int = 0, **members: Any) -> dict[str, Any]:
    routing = {"Type": kind, "WaitIntervalInSeconds": 60, **members}
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": termination,
        }
    }


def _percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


@pytest.mark.parametrize(
    ("config", "steps"),
    [
        (None, [Shift(1.0)]),
        (_blue_green("ALL_AT_ONCE", termination=30), [Shift(1.0), Bake(60), Bake(30)]),
        (_blue_green("CANARY", CanarySize=_percent(10)), [Shift(0.1), Bake(60), Shift(1.0)]),
        (
            _blue_green("CANARY", CanarySize={"Type": "INSTANCE_COUNT", "Value": 1}, termination=5),
            [Shift(0.25), Bake(60), Shift(1.0), Bake(5)],
        ),
        (
            _blue_green("LINEAR", LinearStepSize=_percent(50)),
            [Shift(0.5), Bake(60), Shift(1.0), Bake(60)],
        ),
        (
            {"RollingUpdatePolicy": {"MaximumBatchSize": _percent(50), "WaitIntervalInSeconds": 9}},
            [Shift(0.5), Bake(9), Shift(1.0), Bake(9)],
        ),
    ],
)
def test_every_strategy_is_a_plan(config: dict[str, Any] | None, steps: list) -> None:
    assert plan_steps(config, instances=4) == steps


@pytest.mark.parametrize("percent", [10, 15, 30, 33, 50])
def test_linear_steps_grow_evenly_and_end_at_all_traffic(percent: int) -> None:
    steps = plan_steps(_blue_green("LINEAR", LinearStepSize=_percent(percent)), instances=1)
    parts = [step.part for step in steps if isinstance(step, Shift)]
    assert parts == sorted(set(parts))
    assert parts[-1] == 1.0
    assert all(later - earlier <= percent / 100 + 1e-9 for earlier, later in zip([0.0, *parts], parts, strict=False))


@pytest.mark.parametrize("tick", range(5))
def test_an_alarm_at_any_moment_of_a_bake_ends_the_deployment(tick: int) -> None:
    shifted: list[float] = []
    ticks = iter(range(100))

    def ringing() -> str | None:
        return "errors" if next(ticks) >= tick else None

    with pytest.raises(RolledBack, match="errors"):
        execute([Shift(0.1), Bake(4), Shift(1.0)], shift=shifted.append, wait=lambda _: None, ringing=ringing)
    assert shifted == [0.1]


def test_waits_add_up_to_the_bake() -> None:
    waited: list[float] = []
    execute([Bake(2.5)], shift=lambda _: None, wait=waited.append, ringing=lambda: None)
    assert sum(waited) == 2.5
