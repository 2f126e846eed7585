"""A function whose process is killed in the middle of a run."""

from __future__ import annotations

from cli.drills import trainings
from cli.drills.drill import Result
from cli.drills.stage import Stage

FUNCTION = "plan-training"
ERROR = "Lambda.Unknown"
"""What Step Functions calls the end of a function's process."""


class LambdaCrash:
    keeps_version = False

    def refusal(self, stage: Stage) -> str | None:
        return trainings.no_run(stage)

    def play(self, stage: Stage) -> Result:
        """The run gets over it by a retry, or ends as failed with what served before still serving."""
        before, function = stage.version(), f"{stage.descriptor['job_prefix']}-{FUNCTION}"
        stage.embedded.administer("crash", function)
        stage.timeline.add(f"the next invocation of {function} will lose its process")
        ending = trainings.followed(stage, lambda: trainings.copied(stage))
        errors = trainings.failures(stage, ending.dataset)
        stage.timeline.add(f"errors of the run's tasks: {', '.join(errors) or 'none'}")
        problems = [] if ERROR in errors else ["no invocation of the run lost its process"]
        if ending.version:
            return Result("finished", problems)
        if stage.version() != before:
            problems.append(f"version {stage.version()} serves though the run failed")
        return Result("failed cleanly", problems)
