"""How long a job may still run and wait, by a clock of the tests'."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.sagemaker.jobs.time_limits import TimeLimits


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _limits(clock: Clock, *, age: float = 0.0, trained: float = 0.0, **condition: int) -> TimeLimits:
    job: dict[str, Any] = {"CreationTime": 5000.0, "StoppingCondition": condition, "_TrainingSeconds": trained}
    return TimeLimits(job, now=5000.0 + age, monotonic=clock)


def _train(limits: TimeLimits, clock: Clock, seconds: float) -> None:
    limits.training_begins()
    clock.now += seconds
    limits.training_ends()


def test_the_runtime_is_that_of_all_attempts_together_without_what_is_between_them(clock: Clock) -> None:
    limits = _limits(clock, MaxRuntimeInSeconds=100)
    _train(limits, clock, 30)
    clock.now += 500
    _train(limits, clock, 20)
    assert limits.training() == (50, "MaxRuntimeExceeded")
    _train(limits, clock, 60)
    assert limits.training() == (0, "MaxRuntimeExceeded")


def test_the_wait_counts_from_the_creation_whatever_the_job_does(clock: Clock) -> None:
    limits = _limits(clock, age=10, MaxRuntimeInSeconds=100, MaxWaitTimeInSeconds=150)
    assert limits.training() == (100, "MaxRuntimeExceeded")
    assert limits.pending() == (140, "MaxWaitTimeExceeded")
    clock.now += 60
    assert limits.training() == (80, "MaxWaitTimeExceeded")
    clock.now += 1000
    assert limits.pending() == (0, "MaxWaitTimeExceeded")


def test_pending_has_a_limit_of_its_own(clock: Clock) -> None:
    limits = _limits(clock, MaxRuntimeInSeconds=100, MaxWaitTimeInSeconds=5000, MaxPendingTimeInSeconds=1800)
    assert limits.pending() == (1800, "Stopped")


def test_what_an_earlier_process_trained_counts(clock: Clock) -> None:
    assert _limits(clock, trained=40, MaxRuntimeInSeconds=100).training() == (60, "MaxRuntimeExceeded")


def test_a_job_runs_for_a_day_unless_told(clock: Clock) -> None:
    assert _limits(clock).training() == (86400, "MaxRuntimeExceeded")
