"""The sagemaker-runtime API (REST-JSON): InvokeEndpoint."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import unquote

from localcloud.sagemaker.endpoints.invocation import InvocationError, validation_error
from localcloud.sagemaker.endpoints.supervisor import EndpointSupervisor

_INVOCATIONS = re.compile(r"/endpoints/([^/]+)/invocations")
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")

Response = tuple[int, dict[str, str], bytes]


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
            name = _endpoint_name(method, path)
            lower = {key.lower(): value for key, value in headers.items()}
            result = await self._endpoints.invoke(name, lower, body)
        except InvocationError as error:
            return _error(error)
        return 200, result.headers, result.body


def _endpoint_name(method: str, path: str) -> str:
    found = _INVOCATIONS.fullmatch(path)
    if method != "POST" or not found:
        raise InvocationError(
            404,
            "UnknownOperationException",
            f"{method} {path} is not covered by the embedded cloud; it answers POST /endpoints/<name>/invocations",
        )
    name = unquote(found.group(1))
    if not _NAME.fullmatch(name):
        raise validation_error(
            f"1 validation error detected: Value '{name}' at 'endpointName' failed to satisfy constraint: Member must"
            " satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9])*"
        )
    return name


def _error(error: InvocationError) -> Response:
    document = {"Message": error.message, "message": error.message, **error.members}
    headers = {"content-type": "application/json"}
    if error.code is not None:
        headers["x-amzn-ErrorType"] = error.code
    return error.status, headers, json.dumps(document).encode()
