"""POST /workloads/{name}/predictions -> InvokeEndpoint -> the model's answer, with the version and the variant that
gave it.
"""

from typing import Any

from shared.clients import client
from shared.http import answer
from shared.log import Log

from predict.directory import Directory
from predict.logic import predict
from predict.settings import Settings

# API Gateway gives up at 29 s; so one attempt, and time left to say 504.
INVOKE_TIMEOUT_SECONDS = 25
# Kept from one invocation to the next, as long as Lambda keeps the process.
DIRECTORY = Directory()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Proxy event -> proxy response; see docs/contract.md, API."""
    log = Log.of("predict", context)
    return answer(
        event,
        log=log,
        function=lambda request: predict(
            request,
            ssm=client("ssm"),
            runtime=client("sagemaker-runtime", read_timeout_seconds=INVOKE_TIMEOUT_SECONDS, attempts=1),
            workloads_path=Settings.from_environment().workloads_path,
            directory=DIRECTORY,
            log=log,
        ),
    )
