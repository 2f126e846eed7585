"""The ASGI application: routes, limits and error bodies around a loaded model.

Predicting runs in threads, so that /ping answers while a model computes. No payload is ever logged.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from server.errors import RequestError
from server.hooks import JSON
from server.model import Model
from server.settings import MAX_BODY_BYTES

log = logging.getLogger("server")

VERSION_HEADER = b"x-amzn-sagemaker-custom-attributes"
PASSED_THROUGH = (b"x-amzn-sagemaker-inference-id", b"x-request-id")


class Application:
    """`threads` requests are computed at once; `max_pending` may wait or compute, the next one gets 503."""

    def __init__(self, model: Model, *, model_version: str | None, threads: int, max_pending: int) -> None:
        self._model = model
        self._headers = [(VERSION_HEADER, f"model_version={model_version}".encode())] if model_version else []
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="predict")
        self._max_pending = max_pending
        self._pending = 0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        echoed = [(name, headers[name]) for name in PASSED_THROUGH if name in headers]
        try:
            body = await self._route(scope, headers, receive)
            await _send(send, 200, body, [*self._headers, *echoed])
        except RequestError as error:
            extra = [(b"retry-after", b"1")] if error.status == 503 else []
            await _send(send, error.status, _error_body(error.message, error.field), [*extra, *echoed])
        except Exception as error:
            # The traceback goes to the log only; the client learns what kind of failure it was.
            log.exception("the model failed")
            await _send(send, 500, _error_body(f"the model failed: {type(error).__name__}"), echoed)

    async def _route(self, scope: dict[str, Any], headers: dict[bytes, bytes], receive: Any) -> bytes:
        match scope["method"], scope["path"]:
            case "GET", "/ping":
                return b""
            case "POST", "/invocations":
                return await self._invoke(headers, receive)
            case method, ("/ping" | "/invocations") as path:
                raise RequestError(405, f"{method} is not a method of {path}")
            case _, path:
                raise RequestError(404, f"there is no {path}")

    async def _invoke(self, headers: dict[bytes, bytes], receive: Any) -> bytes:
        content_type = _content_type(headers)
        accept = _accept(headers)
        if self._pending >= self._max_pending:
            raise RequestError(503, f"{self._pending} requests are waiting already")
        self._pending += 1
        try:
            body = await _body(headers, receive)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._model.answer, body, content_type, accept)
        finally:
            self._pending -= 1


def _content_type(headers: dict[bytes, bytes]) -> str:
    declared = headers.get(b"content-type", JSON.encode()).decode("latin-1")
    media_type = declared.partition(";")[0].strip().lower()
    if media_type != JSON:
        raise RequestError(415, f"content type {declared!r} is not supported; send {JSON}")
    return media_type


def _accept(headers: dict[bytes, bytes]) -> str:
    declared = headers.get(b"accept", b"*/*").decode("latin-1")
    accepted = {part.partition(";")[0].strip().lower() for part in declared.split(",")}
    if not accepted & {JSON, "application/*", "*/*", ""}:
        raise RequestError(406, f"no answer in {declared!r} can be given; accept {JSON}")
    return JSON


async def _body(headers: dict[bytes, bytes], receive: Any) -> bytes:
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > MAX_BODY_BYTES:
        raise _too_large()
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestError(400, "the client went away before its request was complete")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > MAX_BODY_BYTES:
            raise _too_large()
        if not message.get("more_body"):
            return b"".join(chunks)


def _too_large() -> RequestError:
    return RequestError(413, f"the body is larger than {MAX_BODY_BYTES} bytes")


def _error_body(message: str, field: str | None = None) -> bytes:
    return orjson.dumps({"error": {"message": message} | ({"field": field} if field else {})})


async def _send(send: Any, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    start = [(b"content-type", JSON.encode()), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})
