"""The routes, as a bare ASGI application."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Any

import orjson

from server import formats
from server.body import ClientDisconnected, Message, Receive, read_body
from server.errors import Busy, MethodNotAllowed, NotFound, RequestError, UnsupportedMediaType
from server.model_host import ModelHost
from server.settings import MAX_BODY_BYTES, Settings

log = logging.getLogger(__name__)
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
_JSON_HEADER = (b"content-type", formats.JSON.encode())
_REQUEST_IDS = (b"x-amzn-requestid", b"x-request-id")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:=-]{1,128}")


class App:
    """GET /ping and POST /invocations. Predictions run in `executor`, so that /ping is answered meanwhile."""

    def __init__(self, host: ModelHost, settings: Settings, executor: Executor) -> None:
        self._host = host
        self._executor = executor
        self._max_in_flight = settings.max_in_flight
        self._in_flight = 0
        version = settings.model_version
        attributes = (b"x-amzn-sagemaker-custom-attributes", f"model_version={version}".encode())
        self._headers: Headers = [attributes] if version else []

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        request_id = _request_id(headers)
        answered_with = self._headers + request_id
        started = time.monotonic()
        try:
            await self._route(scope, headers, receive, send, answered_with)
        except ClientDisconnected:
            log.info("the client went away")
        except RequestError as error:
            elapsed = 1000 * (time.monotonic() - started)
            name = b"".join(value for _, value in request_id).decode("ascii") or "-"
            log.warning("%s %r: %d after %.0f ms, %s", scope["method"], scope["path"], error.status, elapsed, name)
            await _respond_error(send, error, answered_with)

    async def _route(
        self, scope: dict[str, Any], headers: dict[bytes, bytes], receive: Receive, send: Send, answered_with: Headers
    ) -> None:
        methods = {"/ping": ("GET", "HEAD"), "/invocations": ("POST",)}.get(scope["path"])
        if methods is None:
            raise NotFound(f"there is no {scope['path'][:100]!r}; there are /ping and /invocations")
        if scope["method"] not in methods:
            raise MethodNotAllowed(f"{scope['path']} takes {' and '.join(methods)}")
        if scope["path"] == "/ping":
            await _respond(send, 200 if self._host.ready else 503, b"", answered_with)
            return
        media_type, body = await self._invoke(headers, receive)
        await _respond(send, 200, body, [(b"content-type", media_type.encode()), *answered_with])

    async def _invoke(self, headers: dict[bytes, bytes], receive: Receive) -> tuple[str, bytes]:
        """The answer's media type and body."""
        predictor = self._host.predictor
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise UnsupportedMediaType("cannot read a compressed body; send it without Content-Encoding")
        content_type = predictor.content_type(_text(headers, b"content-type"))
        accept = predictor.accepted(_text(headers, b"accept"))
        length = _text(headers, b"content-length")
        body = await read_body(receive, content_length=length, limit=MAX_BODY_BYTES)
        if self._in_flight >= self._max_in_flight:
            raise Busy("too many requests at once; try again")
        self._in_flight += 1
        try:
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(
                self._executor, lambda: predictor.predict(body, content_type=content_type, accept=accept)
            )
            return accept, answer
        finally:
            self._in_flight -= 1


def _text(headers: dict[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")


def _request_id(headers: dict[bytes, bytes]) -> Headers:
    """The caller's own identifier of the request, given back."""
    for name in _REQUEST_IDS:
        if _REQUEST_ID.fullmatch(headers.get(name, b"")):
            return [(b"x-request-id", headers[name])]
    return []


async def _respond(send: Send, status: int, body: bytes, headers: Headers) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def _respond_error(send: Send, error: RequestError, headers: Headers) -> None:
    document = {"message": error.message} | ({"field": error.field} if error.field else {})
    if error.retry_after_seconds is not None:
        headers = [(b"retry-after", str(error.retry_after_seconds).encode()), *headers]
    await _respond(send, error.status, orjson.dumps({"error": document}), [_JSON_HEADER, *headers])
