"""Which services' data a request may have changed when it is answered.

Looking at everything that ministack holds takes many times as long as most writes do. For the requests that come often
only those services are looked at whose data they change, and those that pass things on to each other. Whatever else
follows from a request (log lines, metrics, what an execution does later) is found by the journal's own look, twice a
second.
"""

from __future__ import annotations

import importlib
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


def changed_by(scope: dict[str, Any]) -> frozenset[str] | None:
    """Names of services as ``StateRecorder`` has them; None for all."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    router = importlib.import_module("ministack.core.router")
    also = _ALSO.get(router.detect_service(scope["method"], scope["path"], headers, query))
    return None if also is None else PASS_ON | also
