"""State Plan of the rollout machine: an approved model package -> the requests that put it behind the endpoint."""

from datetime import UTC, datetime
from typing import Any

from shared.clients import client
from shared.log import Log
from shared.throttling import tells_throttling

from plan_rollout.logic import plan
from plan_rollout.settings import Settings


@tells_throttling
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """See docs/contract.md, state machine "rollout", state Plan."""
    settings = Settings.from_environment()
    log = Log.of("plan_rollout", context).bind(execution=event.get("execution"), workload=event.get("workload"))
    planned = plan(
        event,
        ssm=client("ssm"),
        sagemaker=client("sagemaker"),
        autoscaling=client("application-autoscaling"),
        cloudwatch=client("cloudwatch"),
        workloads_path=settings.workloads_path,
        now=datetime.now(UTC),
    )
    log.info(
        "planned",
        model_version=planned["model_version"],
        steps=[step["name"] for step in planned["steps"]],
        latency=planned["latency"]["note"],
    )
    return planned
