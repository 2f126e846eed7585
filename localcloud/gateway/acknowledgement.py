"""Holds a request's answer back until what the request did is on the disk, or refuses the request.

A request that would write is refused before it does anything while the disk has no room left. What is found to be
impossible only afterwards is refused then: as with AWS, a call that failed may have had its effect.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from localcloud.gateway.effects import Effects, changed_by, current

log = logging.getLogger(__name__)

# Room for the journal, the log files and the SageMaker store, so that deleting remains possible.
RESERVE_BYTES = 4 * 2**20
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_READING = ("Get", "List", "Describe", "BatchGet", "Head", "Search", "Query", "Scan")
# SageMaker's store is durable by itself when a call returns, and invocations store nothing.
_DURABLE_PATH = "/endpoints/"
_DURABLE_TARGET = "SageMaker."

App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


class Acknowledgement:
    """Serves requests by ``app``; ``commit`` returns when the changes made so far are durable in those services (None:
    in all), or raises OSError.
    """

    def __init__(self, app: App, commit: Callable[[frozenset[str] | None], Awaitable[None]], folder: Path) -> None:
        self._app = app
        self._commit = commit
        self._folder = folder

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["method"] not in _CHANGING or _reads(scope):
            await self._app(scope, receive, send)
            return
        free = shutil.disk_usage(self._folder).free
        if scope["method"] != "DELETE" and free < RESERVE_BYTES + _body_size(scope):
            await _refuse(scope, send, f"{free >> 10} KiB are left on the disk of {self._folder}; make room there")
            return
        if _is_durable(scope):
            await self._app(scope, receive, send)
            return
        effects = Effects()
        token = current.set(effects)
        try:
            await self._app(scope, receive, self._held_back(scope, send, effects))
        finally:
            current.reset(token)

    def _held_back(self, scope: dict[str, Any], send: Any, effects: Effects) -> Any:
        refused = False

        async def held(message: dict[str, Any]) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] < 400:
                try:
                    parts = changed_by(scope, effects)
                    if parts is None or parts:
                        await self._commit(parts)
                    if effects.lost:
                        raise effects.lost[0]
                except OSError as error:
                    log.error("%s %s is refused: %s", scope["method"], scope["path"], error)
                    refused = True
                    await _refuse(scope, send, f"{self._folder} takes no more writes: {error.strerror or error}")
            if not refused:
                await send(message)

        return held


def _reads(scope: dict[str, Any]) -> bool:
    return _header(scope, b"x-amz-target").rpartition(".")[2].startswith(_READING)


def _is_durable(scope: dict[str, Any]) -> bool:
    return scope["path"].startswith(_DURABLE_PATH) or _header(scope, b"x-amz-target").startswith(_DURABLE_TARGET)


def _body_size(scope: dict[str, Any]) -> int:
    length = _header(scope, b"content-length")
    return int(length) if length.isdigit() else 0


def _header(scope: dict[str, Any], wanted: bytes) -> str:
    return next((value for name, value in scope["headers"] if name == wanted), b"").decode("latin-1")


async def _refuse(scope: dict[str, Any], send: Any, message: str) -> None:
    """Status 503 in the words of the protocol: JSON, or XML for S3 and the query protocol."""
    code = "ServiceUnavailable"
    if _header(scope, b"x-amz-target") or "json" in _header(scope, b"content-type"):
        kind, body = b"application/x-amz-json-1.1", json.dumps({"__type": code, "message": message})
    else:
        error = f"<Code>{code}</Code><Message>{message}</Message>"
        query = scope["method"] == "POST" and "urlencoded" in _header(scope, b"content-type")
        body = f"<ErrorResponse><Error>{error}</Error></ErrorResponse>" if query else f"<Error>{error}</Error>"
        kind = b"application/xml"
    content = body.encode()
    headers = [(b"content-type", kind), (b"content-length", str(len(content)).encode())]
    # A client that was told before it had sent the body may not send it any more: nothing can follow on the connection.
    headers += [(b"x-amzn-errortype", code.encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": content})
