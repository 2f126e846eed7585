"""The messages that asynchronous inference publishes to its SNS topics.

https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-check-predictions.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Document = dict[str, Any]

# SNS takes 256 KB; the response, when it is to be part of the message, may be 128 KB.
_MAX_RESPONSE_BYTES = 128_000


def success(request: Document, *, region: str, now: float, content_type: str, body: bytes | None) -> str:
    """``body`` is the model's response where the configuration wants it in the message."""
    response: Document = {"contentType": content_type, "outputLocation": request["OutputLocation"]}
    message = {**_common(request, region, now), "invocationStatus": "Completed", "responseParameters": response}
    return _with_body(message, body)


def failure(request: Document, *, region: str, now: float, reason: str, body: bytes | None) -> str:
    """``body``: as for ``success``."""
    message = {**_common(request, region, now), "invocationStatus": "Failed", "failureReason": reason}
    if "FailureLocation" in request:
        message["failureLocation"] = request["FailureLocation"]
    return _with_body(message, body)


def _common(request: Document, region: str, now: float) -> Document:
    parameters = {"endpointName": request["EndpointName"]}
    for name, member in (("inputLocation", "InputLocation"), ("contentType", "ContentType")):
        if member in request:
            parameters[name] = request[member]
    return {
        "awsRegion": region,
        "eventTime": _iso(now),
        "receivedTime": _iso(request["CreationTime"]),
        "requestParameters": parameters,
        "inferenceId": request["InferenceId"],
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }


def _with_body(message: Document, body: bytes | None) -> str:
    if body is not None and len(body) <= _MAX_RESPONSE_BYTES:
        message["responseBody"] = {"content": base64.b64encode(body).decode(), "encoding": "BASE64"}
    return json.dumps(message)


def wants_response(notification: Mapping[str, Any], topic: str) -> bool:
    """Whether ``SUCCESS_NOTIFICATION_TOPIC`` or ``ERROR_NOTIFICATION_TOPIC`` is to get the model's response."""
    return topic in notification.get("IncludeInferenceResponseIn", [])


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
