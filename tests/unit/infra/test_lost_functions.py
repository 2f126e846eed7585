"""Every function of every machine is killed, or throttled, in every step: the execution ends as if nothing had been, or
it ends as failed.
"""

from __future__ import annotations

from typing import Any

import pytest

from infra.monitoring.state_machine import MonitorStates
from tests.unit.infra import test_rollout_failures as rollouts
from tests.unit.infra import test_train_machine as trainings

MONITORING = MonitorStates(
    partition="aws",
    workload="digits",
    plan_function_arn="arn:plan",
    publish_function_arn="arn:publish",
    alerts_topic_arn="arn:topic",
    job_seconds=1800,
).definition()
MONITORED = {
    "Plan": {"Payload": {"job": {"ProcessingJobName": "j"}, "report_uri": "s3://r", "reason": ""}},
    "Publish": {"Payload": {"outcome": "stable"}},
}


def training(_: Any) -> Any:
    return trainings.Cloud(passed=True)


def rollout(error: Any) -> Any:
    return rollouts.Cloud("ab", error=error)


def monitoring(_: Any) -> Any:
    return lambda state, arguments: MONITORED.get(state, {})


MACHINES = {
    "train": (trainings.DEFINITION, training, trainings.RUN),
    "rollout": (rollouts.DEFINITION, rollout, {}),
    "monitor": (MONITORING, monitoring, {}),
}


def functions(machine: str) -> list[str]:
    """The states of the machine that invoke a function."""
    states = MACHINES[machine][0]["States"]
    return [name for name, state in states.items() if state.get("Resource", "").endswith(":lambda:invoke")]


CASES = [(machine, state) for machine in MACHINES for state in functions(machine)]


def test_every_function_of_the_machines_is_among_the_cases() -> None:
    assert {state for machine, state in CASES if machine == "train"} == {"Plan", "Gate"}
    assert {state for machine, state in CASES if machine == "rollout"} == {"Plan", "Check", "Compare", "Retire"}
    assert {state for machine, state in CASES if machine == "monitor"} == {"Plan", "Publish"}


class Faulty:
    """A cloud in which the first `times` invocations of `state` end with `error`, before they answer."""

    def __init__(self, cloud: Any, state: str, error: Exception, times: float) -> None:
        self._cloud, self._state, self._error, self._left = cloud, state, error, times
        self.failed = 0

    def __call__(self, state: str, arguments: Any) -> Any:
        if state == self._state and self._left > 0:
            self._left -= 1
            self.failed += 1
            raise self._error
        return self._cloud(state, arguments)


@pytest.mark.parametrize("error", ["Lambda.Unknown", "Throttled"])
@pytest.mark.parametrize(("machine", "state"), CASES)
def test_an_invocation_that_is_lost_is_made_again(
    walk: Any, task_error: Any, machine: str, state: str, error: str
) -> None:
    definition, cloud, given = MACHINES[machine]
    unharmed = walk(definition, cloud(task_error), retries=True).run(given)
    faulty = Faulty(cloud(task_error), state, task_error(error, "gone"), times=3)
    harmed = walk(definition, faulty, retries=True).run(given)
    assert faulty.failed == 3
    assert (harmed.visited, harmed.output, harmed.failure) == (unharmed.visited, unharmed.output, None)


@pytest.mark.parametrize(("machine", "state"), CASES)
def test_a_function_that_dies_every_time_fails_the_execution_with_its_cause(
    walk: Any, task_error: Any, machine: str, state: str
) -> None:
    definition, cloud, given = MACHINES[machine]
    faulty = Faulty(cloud(task_error), state, task_error("Lambda.Unknown", "gone"), times=float("inf"))
    harmed = walk(definition, faulty, retries=True).run(given)
    assert faulty.failed >= 7  # once, and six times more
    if (machine, state) == ("rollout", "Retire"):  # the model serves: what is left over goes with the next rollout
        assert harmed.failure is None
    else:
        assert harmed.failure == ("Lambda.Unknown", "gone")
