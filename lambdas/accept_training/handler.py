"""POST /workloads/{name}/training-runs -> an event that the workload's queue gets -> a run, when its turn has come."""

from typing import Any

from shared.clients import client
from shared.http import answer
from shared.log import Log

from accept_training.logic import accept
from accept_training.settings import Settings


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Proxy event -> proxy response; see docs/contract.md, API."""
    log = Log.of("accept_training", context)
    return answer(
        event,
        log=log,
        function=lambda request: accept(
            request,
            ssm=client("ssm"),
            events=client("events"),
            workloads_path=Settings.from_environment().workloads_path,
            log=log,
        ),
    )
