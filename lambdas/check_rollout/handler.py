"""State Check of the rollout machine: does the endpoint serve what this rollout made?"""

from typing import Any

from shared.clients import client
from shared.log import Log
from shared.throttling import tells_throttling

from check_rollout.logic import check
from check_rollout.settings import Settings

# As long as the API would wait; three attempts fit into the function's 90 s, so that one lost request fails no rollout.
INVOKE_TIMEOUT_SECONDS = 25
ATTEMPTS = 3


@tells_throttling
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"workload", "model_version", "step"}`, a step of plan_rollout's -> `{"serving": bool, "reason": str}`."""
    settings = Settings.from_environment()
    log = Log.of("check_rollout", context).bind(
        workload=event.get("workload"), model_version=event.get("model_version")
    )
    result = check(
        event,
        ssm=client("ssm"),
        sagemaker=client("sagemaker"),
        runtime=client("sagemaker-runtime", read_timeout_seconds=INVOKE_TIMEOUT_SECONDS, attempts=ATTEMPTS),
        workloads_path=settings.workloads_path,
    )
    log.info("checked", **result)
    return result
