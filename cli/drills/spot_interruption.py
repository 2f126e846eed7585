"""A training job whose spot instances are taken away."""

from __future__ import annotations

import time

from cli import runs
from cli.drills import trainings
from cli.drills.drill import Result
from cli.drills.stage import Stage
from cli.errors import CliError

START_LIMIT_SECONDS = 600.0


class SpotInterruption:
    keeps_version = False

    def refusal(self, stage: Stage) -> str | None:
        if stage.descriptor["tuning"]:
            return "it searches over hyperparameters: which of its jobs would be interrupted is not known before"
        if stage.descriptor["training"]["spot_max_wait_seconds"] is None:
            return "it does not train on spot instances; set training.spot in its manifest"
        return trainings.no_run(stage)

    def play(self, stage: Stage) -> Result:
        ending = trainings.followed(stage, lambda: trainings.copied(stage), lambda dataset: _interrupt(stage, dataset))
        statuses = _statuses(stage, _job(stage, ending.dataset))
        stage.timeline.add(f"the training job was {', '.join(statuses)}")
        result = ending.finished()
        if "Interrupted" not in statuses:
            result.problems.append("the training job tells of no interruption")
        return result


def _interrupt(stage: Stage, dataset: str) -> None:
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while time.monotonic() < deadline:
        if trainings.executions_of(stage, dataset):
            job = _job(stage, dataset)
            statuses = _statuses(stage, job)
            if "Training" in statuses:
                stage.embedded.administer("interrupt", job)
                stage.timeline.add(f"the spot instances of {job} are gone")
                return
            if {"Completed", "Failed", "Stopped"} & set(statuses):
                raise CliError(
                    f"The training job {job} ended before it could be interrupted: it takes too little time."
                )
        time.sleep(stage.target.poll_seconds / 5)
    raise CliError(f"No training job began for data set {dataset} within {START_LIMIT_SECONDS:.0f} s.")


def _job(stage: Stage, dataset: str) -> str:
    (run,) = [item["name"] for item in trainings.executions_of(stage, dataset)]
    return runs.job_name(stage.descriptor, run)


def _statuses(stage: Stage, job: str) -> list[str]:
    """What the job has been so far; nothing before it is there."""
    sagemaker = stage.target.client("sagemaker")
    try:
        described = sagemaker.describe_training_job(TrainingJobName=job)
    except sagemaker.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        return []
    return [item["Status"] for item in described["SecondaryStatusTransitions"]]
