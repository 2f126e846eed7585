"""Every function of a run is killed once, in the middle of its work."""

from __future__ import annotations

import re

from cli.drills import trainings
from cli.drills.drill import Result
from cli.drills.stage import Stage

ERROR = "Lambda.Unknown"
"""What Step Functions calls the end of a function's process."""
_FUNCTION = re.compile(r":function:([A-Za-z0-9_-]+)")
_COMPARING = ("ab", "shadow")
"""The strategies whose rollout invokes compare-variants."""


class LambdaCrash:
    keeps_version = False

    def refusal(self, stage: Stage) -> str | None:
        return trainings.no_run(stage)

    def play(self, stage: Stage) -> Result:
        """Training and rollout get over it by retries, or end as failed with what served before still serving."""
        before, functions = stage.version(), _functions(stage)
        for function in functions:
            stage.embedded.administer("crash", function)
            stage.timeline.add(f"the next invocation of {function} will lose its process")
        known = trainings.execution_arns(stage)
        ending = trainings.followed(stage, lambda: trainings.copied(stage))
        lost = trainings.states_that_met(stage, trainings.execution_arns(stage) - known, ERROR)
        stage.timeline.add(f"states that lost an invocation: {', '.join(lost) or 'none'}")
        if ending.version:
            spared = len(functions) - len(lost)
            return Result("finished", [f"{spared} of the functions lost no process"] if spared else [])
        problems = [] if lost else ["no invocation of the run lost its process"]
        if stage.version() != before:
            problems.append(f"version {stage.version()} serves though the run failed")
        return Result("failed cleanly", problems)


def _functions(stage: Stage) -> list[str]:
    """The functions that the machines of training and rollout invoke, as they are deployed."""
    states, found = stage.target.client("stepfunctions"), set()
    for machine in trainings.machines(stage):
        definition = states.describe_state_machine(stateMachineArn=machine)["definition"]
        found |= set(_FUNCTION.findall(definition))
    comparing = stage.descriptor["rollout"]["strategy"] in _COMPARING
    return sorted(name for name in found if comparing or not name.endswith("-compare-variants"))
