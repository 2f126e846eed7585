"""State Compare of the rollout machine: did the challenger do worse than the champion beside it?"""

from datetime import UTC, datetime
from typing import Any

from shared.clients import client
from shared.log import Log
from shared.throttling import tells_throttling

from compare_variants.logic import compare


@tells_throttling
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"endpoint_name", "since": ISO 8601, "compare": {"champion", "challenger", "max_latency_ratio"}}` ->
    `{"worse": bool, "reason": str}`.
    """
    log = Log.of("compare_variants", context).bind(endpoint=event.get("endpoint_name"))
    result = compare(event, cloudwatch=client("cloudwatch"), now=datetime.now(UTC))
    log.info("compared", **result)
    return result
