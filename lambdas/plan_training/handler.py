"""State Plan of the train machine: a run's input -> the requests of its jobs."""

from typing import Any

from shared.clients import client
from shared.log import Log
from shared.throttling import tells_throttling

from plan_training import preconditions
from plan_training.logic import plan
from plan_training.settings import Settings


@tells_throttling
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """See docs/contract.md, state machine "train", state Plan."""
    settings = Settings.from_environment()
    log = Log.of("plan_training", context).bind(run=event.get("run"), workload=event.get("workload"))
    planned = plan(
        event,
        ssm=client("ssm"),
        s3=client("s3"),
        sagemaker=client("sagemaker"),
        workloads_path=settings.workloads_path,
        check=lambda event, descriptor: preconditions.check(
            event, descriptor, s3=client("s3"), dynamodb=client("dynamodb"), table=settings.table
        ),
    )
    log.info("planned", jobs=_names(planned), champion=planned["champion"])
    return planned


def _names(planned: dict[str, Any]) -> list[str]:
    """Of the jobs that learn: one training job, or one tuning job."""
    if planned["tuning"]:
        return [planned["tuning"]["job"]["HyperParameterTuningJobName"]]
    return [planned["training_job"]["TrainingJobName"]]
