"""State Plan of the monitor machine: what has been captured -> the job that compares it."""

from datetime import UTC, datetime
from typing import Any

from shared.clients import client
from shared.log import Log
from shared.throttling import tells_throttling

from plan_monitoring.logic import plan
from plan_monitoring.settings import Settings


@tells_throttling
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """See docs/contract.md, state machine "monitor", state Plan."""
    settings = Settings.from_environment()
    log = Log.of("plan_monitoring", context).bind(execution=event.get("execution"), workload=event.get("workload"))
    planned = plan(
        event,
        ssm=client("ssm"),
        sagemaker=client("sagemaker"),
        s3=client("s3"),
        workloads_path=settings.workloads_path,
        now=datetime.now(UTC),
    )
    log.info("planned", reason=planned["reason"], report_uri=planned["report_uri"])
    return planned
