"""What a drill asks of the stack, whatever the fault was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from cli.drills import models, runner
from cli.drills.drill import Result
from cli.drills.faults import Fault
from cli.drills.slow_model import SlowModel
from cli.drills.timeline import Event, Timeline
from cli.drills.traffic import Answer, Traffic
from cli.errors import CliError
from cli.target import Endpoint, Target

OVER = 10.0
DISTURBED = (3.0, 8.0)
TARGET = Target(stage="dev", endpoint=Endpoint("http://127.0.0.1:9", "eu-central-1", "id", "secret"))


def stage(*answers: Answer, rollout: dict[str, Any] | None = None) -> Any:
    traffic = Traffic(TARGET, "e", {"instances": [1]}, Timeline(lambda event: None))
    traffic.answers = list(answers)
    descriptor = {"name": "w", "rollout": {"alarms": [], "latency": None, **(rollout or {})}}
    return SimpleNamespace(traffic=traffic, descriptor=descriptor, target=TARGET)


def problems(*answers: Answer, after: str = "1", keeps: bool = True, result: Result | None = None) -> list[str]:
    result = result or Result("rolled back", disturbed=DISTURBED)
    return runner._problems(SimpleNamespace(keeps_version=keeps), stage(*answers), result, "1", after, OVER)


GOOD = Answer(OVER + 1, "1")


def test_failures_while_the_fault_lasts_are_its_own() -> None:
    assert problems(Answer(3.5, None, "500"), Answer(4.0, "2"), GOOD) == []


@pytest.mark.parametrize("when", [1.0, 9.0, 11.0])
def test_a_request_that_fails_at_another_time_is_one_too_many(when: float) -> None:
    assert problems(Answer(when, None, "lost"), GOOD) == [
        "1 requests failed outside the fault, the first of them: lost"
    ]


def test_no_request_may_fail_in_a_fault_that_is_not_the_models() -> None:
    assert problems(Answer(4.0, None, "lost"), GOOD, result=Result("finished")) != []


def test_the_version_of_before_has_to_serve_unless_the_fault_leaves_a_new_one() -> None:
    changed = Answer(OVER + 1, "2")
    assert problems(changed, after="2") == ["version 2 serves in the place of version 1"]
    assert problems(changed, after="2", keeps=False) == []


def test_nobody_else_answers_at_the_end() -> None:
    assert problems(GOOD, Answer(OVER + 1, "2")) == ["version 2 still answered after the end, not only version 1"]
    assert problems(Answer(OVER - 1, "1")) == ["nobody answered after the end"]
    assert problems(Answer(OVER + 1, "variant primary")) == [], "an image of one's own that tells no version"


@pytest.mark.parametrize(
    ("rollout", "why"),
    [
        ({"strategy": "all_at_once", "bake_seconds": 0}, "its strategy all_at_once has bake_seconds 0"),
        ({"strategy": "linear", "step_percent": 25, "interval_seconds": 0}, "interval_seconds 0"),
        ({"strategy": "canary", "bake_seconds": 60}, None),
        ({"strategy": "ab", "steps": [50], "watch_seconds": 60}, None),
    ],
)
def test_a_strategy_that_watches_nothing_is_told(rollout: dict[str, Any], why: str | None) -> None:
    told = models.cannot_watch(stage(rollout=rollout))
    assert told is None if why is None else why in told


@pytest.mark.parametrize(
    ("strategy", "latency", "seen"),
    [("canary", None, False), ("ab", None, True), ("canary", {"ratio": 1.5, "alarm": "a", "no_limit_us": 9}, True)],
)
def test_without_a_latency_alarm_only_a_comparison_sees_a_slow_model(strategy: str, latency: Any, seen: bool) -> None:
    watching = {"strategy": strategy, "bake_seconds": 60, "alarms": ["slipway-dev-w-endpoint-5xx"], "latency": latency}
    refusal = SlowModel().refusal(stage(rollout=watching))
    assert refusal is None if seen else "set rollout.latency_p99_ms" in refusal


def test_on_aws_drills_are_refused_before_any_call() -> None:
    with pytest.raises(CliError, match="embedded cloud only"):
        runner.run(SimpleNamespace(target=lambda: Target(stage="dev")), "w", Fault.BAD_MODEL, None)


def test_what_aws_tells_later_stands_where_it_happened() -> None:
    now = datetime(2026, 11, 12, tzinfo=UTC)
    moments = iter([now, now + timedelta(seconds=5)])
    shown: list[Event] = []
    timeline = Timeline(shown.append, clock=lambda: next(moments))
    timeline.add("noticed")
    timeline.add("began", when=now + timedelta(seconds=2))
    assert timeline.in_order() == [Event(2.0, "began"), Event(5.0, "noticed")]
    assert shown == [Event(5.0, "noticed"), Event(2.0, "began")]


def test_shares_are_of_all_requests_of_a_phase() -> None:
    assert runner._shares({"served": {"1": 3}, "failed": 1}) == "failed 25.0%, version 1 75.0%"
    assert runner._shares({"served": {}, "failed": 0}) == "no request"
