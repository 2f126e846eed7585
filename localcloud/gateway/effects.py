"""Which services' data a request may have changed when it is answered.

Looking at everything that ministack holds takes many times as long as most writes do. For the requests that come often
only those services are looked at whose data they change, and those that pass things on to each other. Whatever else
follows from a request (log lines, metrics, what an execution does later) is found by the journal's own look, twice a
second.
"""

from __future__ import annotations

import contextvars
import importlib
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

PASS_ON = frozenset(
    {
        *("apigateway", "apigateway_v1", "dynamodb", "dynamodb_streams", "eventbridge", "iam", "kinesis", "pipes"),
        *("s3", "scheduler", "sns", "sqs", "ssm", "stepfunctions", "sts"),
    }
)
"""Services that other services send something to, and whose requests come often; they are quick to look at."""
_ALSO = {
    **dict.fromkeys(("apigateway", "dynamodb", "events", "s3", "sns", "sqs", "ssm", "states", "sts"), frozenset()),
    "lambda": frozenset({"lambda", "lambda_durable"}),
    "logs": frozenset({"cloudwatch_logs"}),
    "monitoring": frozenset({"cloudwatch"}),
}
"""What a request to a service may change besides; a service that is not here may change anything, as CloudFormation
does.
"""

_INVOCATION = re.compile(r"/2015-03-31/functions/[^/]+/invocations")
_ANSWERED = frozenset({"RequestResponse", "DryRun"})


@dataclass
class Effects:
    """What was noticed while a request was handled: S3 objects that could not be written, and whether all that it did
    was to invoke a function, which changes things by requests of its own.
    """

    lost: list[OSError] = field(default_factory=list)
    of_a_function: bool = False


current: contextvars.ContextVar[Effects] = contextvars.ContextVar("localcloud_effects")


def notice() -> None:
    """Have the effects of requests noted in ``current``, where there is one."""
    s3: Any = importlib.import_module("ministack.services.s3")
    write = s3._atomic_write

    def atomic_write(path: str, *arguments: Any, **keywords: Any) -> None:
        try:
            write(path, *arguments, **keywords)
        except OSError as error:  # ministack logs that and answers 200
            current.get(Effects()).lost.append(error)
            raise

    s3._atomic_write = atomic_write
    api: Any = importlib.import_module("ministack.services.apigateway_v1")
    invoke = api._invoke_lambda_proxy_v1

    async def invoke_proxy(*arguments: Any, **keywords: Any) -> Any:
        current.get(Effects()).of_a_function = True
        return await invoke(*arguments, **keywords)

    api._invoke_lambda_proxy_v1 = invoke_proxy


def changed_by(scope: dict[str, Any], effects: Effects) -> frozenset[str] | None:
    """Names of services as ``StateRecorder`` has them; None for all."""
    if effects.of_a_function:
        return frozenset()
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    if _INVOCATION.fullmatch(scope["path"]) and headers.get("x-amz-invocation-type", "RequestResponse") in _ANSWERED:
        return frozenset({"lambda_durable"})  # the function changes the rest by requests of its own
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    router = importlib.import_module("ministack.core.router")
    also = _ALSO.get(router.detect_service(scope["method"], scope["path"], headers, query))
    return None if also is None else PASS_ON | also
