"""GET /workloads and GET /workloads/{name}: what is deployed, and what serves."""

from typing import Any

from shared.clients import client
from shared.http import answer
from shared.log import Log

from describe_workloads.logic import describe
from describe_workloads.settings import Settings


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Proxy event -> proxy response; see docs/contract.md, API."""
    return answer(
        event,
        log=Log.of("describe_workloads", context),
        function=lambda request: describe(
            request,
            ssm=client("ssm"),
            sagemaker=client("sagemaker"),
            workloads_path=Settings.from_environment().workloads_path,
        ),
    )
