"""The sagemaker-runtime API (REST-JSON): InvokeEndpoint, InvokeEndpointWithResponseStream."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from urllib.parse import unquote

from localcloud.sagemaker import eventstream
from localcloud.sagemaker.endpoints.invocation import InvocationError, StreamedResult, validation_error
from localcloud.sagemaker.endpoints.supervisor import EndpointSupervisor

_INVOCATIONS = re.compile(r"/endpoints/([^/]+)/(invocations|invocations-response-stream)")
_STREAMED = "invocations-response-stream"
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")

Response = tuple[int, dict[str, str], bytes | AsyncGenerator[bytes, None]]


class RuntimeApi:
    """Answers requests whose caller is already authenticated and authorized."""

    def __init__(self, endpoints: EndpointSupervisor) -> None:
        self._endpoints = endpoints

    async def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Status, headers and body of the answer; never raises for what a request can contain.

        Args:
            path: without the query string, as sent (percent-encoded).
            headers: names in any case.
        """
        try:
            name, operation = _endpoint_name(method, path)
            lower = {key.lower(): value for key, value in headers.items()}
            if operation == _STREAMED:
                return _stream(await self._endpoints.invoke_streaming(name, _with_accept(lower), body))
            result = await self._endpoints.invoke(name, lower, body)
        except InvocationError as error:
            return _error(error)
        return 200, result.headers, result.body


def _with_accept(headers: Mapping[str, str]) -> dict[str, str]:
    """Where an answer is streamed, Accept is that of the stream, and the model's has another name."""
    accept = headers.get("x-amzn-sagemaker-accept")
    rest = {name: value for name, value in headers.items() if name != "accept"}
    return rest if accept is None else {**rest, "accept": accept}


def _stream(result: StreamedResult) -> Response:
    headers = {name: value for name, value in result.headers.items() if name != "content-type"}
    headers["x-amzn-sagemaker-content-type"] = result.headers.get("content-type", "")
    return 200, {**headers, "content-type": eventstream.CONTENT_TYPE}, _messages(result)


async def _messages(result: StreamedResult) -> AsyncGenerator[bytes, None]:
    async with aclosing(result.parts) as parts:
        async for part in parts:
            if isinstance(part, InvocationError):
                yield eventstream.exception(part.code, {"Message": part.message, **part.members})
            else:
                yield eventstream.event("PayloadPart", part)


def _endpoint_name(method: str, path: str) -> tuple[str, str]:
    """The endpoint and the last part of the path."""
    found = _INVOCATIONS.fullmatch(path)
    if method != "POST" or not found:
        raise InvocationError(
            404,
            "UnknownOperationException",
            f"{method} {path} is not covered by the embedded cloud; it answers POST /endpoints/<name>/invocations and"
            f" /endpoints/<name>/{_STREAMED}",
        )
    name = unquote(found.group(1))
    if not _NAME.fullmatch(name):
        raise validation_error(
            f"1 validation error detected: Value '{name}' at 'endpointName' failed to satisfy constraint: Member must"
            " satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9])*"
        )
    return name, found.group(2)


def _error(error: InvocationError) -> Response:
    document = {"Message": error.message, "message": error.message, **error.members}
    headers = {"content-type": "application/json"}
    if error.code is not None:
        headers["x-amzn-ErrorType"] = error.code
    return error.status, headers, json.dumps(document).encode()
