"""State Gate of the train machine: evaluation.json -> verdict, and the request that registers the model."""

from typing import Any

from shared.clients import client
from shared.log import Log
from shared.throttling import tells_throttling

from decide_gate.logic import decide
from decide_gate.settings import Settings


@tells_throttling
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """See docs/contract.md, state machine "train", state Gate."""
    settings = Settings.from_environment()
    log = Log.of("decide_gate", context).bind(run=event.get("run"), workload=event.get("workload"))
    decision = decide(event, ssm=client("ssm"), s3=client("s3"), workloads_path=settings.workloads_path)
    log.info("decided", passed=decision["passed"], reasons=decision["reasons"])
    return decision
