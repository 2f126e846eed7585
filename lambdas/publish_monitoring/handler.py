"""State Publish of the monitor machine: the report -> metrics that alarms watch."""

from typing import Any

from shared.clients import client
from shared.log import Log
from shared.throttling import tells_throttling

from publish_monitoring.logic import publish
from publish_monitoring.settings import Settings


@tells_throttling
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """See docs/contract.md, state machine "monitor", state Publish."""
    settings = Settings.from_environment()
    log = Log.of("publish_monitoring", context).bind(workload=event.get("workload"))
    published = publish(
        event,
        ssm=client("ssm"),
        s3=client("s3"),
        cloudwatch=client("cloudwatch"),
        workloads_path=settings.workloads_path,
    )
    log.info("published", outcome=published["outcome"], drifted=len(published["drifted"]))
    return published
