"""The API's side of API Gateway's Lambda proxy integration (payload format 1.0): one place reads requests, one writes
responses.

Success: a JSON object, or predictions in the media type that was asked for. Anything else:
`{"error": {"code", "message", "field"?}}`, never a stack trace.
"""

import base64
import binascii
import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.errors import SlipwayError
from shared.log import Log

JSON = "application/json"


class ApiError(SlipwayError):
    """An answer that is not a success. `retry_after` in seconds becomes the header Retry-After."""

    def __init__(
        self, status: int, code: str, message: str, *, field: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.field, self.retry_after = field, retry_after


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request. Header names are lower case; `body` is the raw body, decoded from base64 where API Gateway encoded
    it.
    """

    path_parameters: dict[str, str]
    headers: dict[str, str]
    body: bytes


def parse(event: dict[str, Any]) -> Request:
    """The request in a proxy event. A header sent twice keeps its last value, as in `headers`."""
    headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    return Request(path_parameters=event.get("pathParameters") or {}, headers=headers, body=_body(event))


def _body(event: dict[str, Any]) -> bytes:
    body = event.get("body") or ""
    try:
        if event.get("isBase64Encoded"):
            return base64.b64decode(body, validate=True)
        return body.encode("utf-8")
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ApiError(400, "invalid_body", "the body cannot be decoded") from error


def respond(status: int, document: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
    """A proxy response of JSON. Raises ValueError as `respond_body` does."""
    return respond_body(status, json.dumps(document).encode(), {"Content-Type": JSON, **(headers or {})})


def respond_body(status: int, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    """A proxy response of any media type; what is not UTF-8 goes as base64. A header value that could split the
    response is refused (`ValueError`), not passed on.
    """
    for name, value in headers.items():
        if not value.isascii() or not value.isprintable():
            raise ValueError(f"header {name} has a value that is not printable ASCII")
    try:
        text, encoded = body.decode("utf-8"), False
    except UnicodeDecodeError:
        text, encoded = base64.b64encode(body).decode("ascii"), True
    return {
        "statusCode": status,
        "headers": {"X-Content-Type-Options": "nosniff", **headers},
        "body": text,
        "isBase64Encoded": encoded,
    }


def answer(event: dict[str, Any], *, log: Log, function: Callable[[Request], dict[str, Any]]) -> dict[str, Any]:
    """What `function` answers to the request, with every exception turned into a response: the only place that does
    so.
    """
    try:
        return function(parse(event))
    except ApiError as error:
        log.info("refused", status=error.status, code=error.code)
        return _error(error)
    except Exception as error:  # the boundary: a caller gets a clean answer, the log gets the trace
        log.error("failed", error=type(error).__name__, trace=traceback.format_exception(error))
        request_id = log.fields.get("request_id")
        return _error(
            ApiError(500, "internal_error", f"the request failed inside the service (request id {request_id})")
        )


def _error(error: ApiError) -> dict[str, Any]:
    body = {"code": error.code, "message": error.message}
    if error.field:
        body["field"] = error.field
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else {}
    return respond(error.status, {"error": body}, headers)
