"""The routes, as a bare ASGI application.

What a request passes here is most of what a small model costs: no closures, no copies, no formatting on the way.
"""

from __future__ import annotations

import logging
import re
import time
from typing import Any

from server.errors import InvalidInput, MethodNotAllowed, NotFound, RequestError, UnsupportedMediaType
from server.http.answers import JSON_HEADER, Headers, Send, content_type, send_answer, send_error
from server.http.body import ClientDisconnected, Receive, read_body
from server.http.streaming import Stream, Streams
from server.metrics import reports
from server.metrics.board import Board, Row
from server.model.predictor import failed
from server.serving.models import Models
from server.serving.service import Service
from server.settings import MAX_BODY_BYTES, Settings

log = logging.getLogger(__name__)
_INFERENCE_ID = b"x-amzn-sagemaker-inference-id"
_REQUEST_IDS = (b"x-amzn-requestid", b"x-request-id")
_ID = re.compile(rb"[A-Za-z0-9._:=+/@-]{1,128}")
_PLAIN = (None, b"identity")


class App:
    """GET /ping, POST /invocations, GET /metrics; in a container of many models those of `Models` as well."""

    def __init__(self, models: Models, settings: Settings, board: Board, row: Row) -> None:
        self._models, self._board, self._row = models, board, row
        self._streams = Streams(settings.timeout_seconds, settings.max_queued)
        version = settings.model_version
        attributes = (b"x-amzn-sagemaker-custom-attributes", f"model_version={version}".encode())
        self._headers: Headers = [attributes] if version else []

    def stuck(self, now: float) -> bool:
        """Whether this worker cannot answer any more."""
        return self._models.stuck(now) or self._streams.stuck(now)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers = dict(scope["headers"])
        answered_with = self._headers + _ids(headers)
        try:
            if scope["path"] == "/invocations" and scope["method"] == "POST":
                status: int | None = await self._invoke(self._models.only, headers, receive, send, answered_with)
            else:
                status = await self._route(scope, headers, receive, send, answered_with)
        except ClientDisconnected:
            log.info("the client went away")
            return
        except RequestError as error:
            status = error.status
            _log_refusal(scope, headers, status, time.perf_counter() - started)
            await send_error(send, error, answered_with)
        except Exception as error:
            status = 500
            await send_error(send, failed("the server failed", error), answered_with)
        if status is not None:
            self._row.answered(status)

    async def _route(
        self, scope: dict[str, Any], headers: dict[bytes, bytes], receive: Receive, send: Send, answered_with: Headers
    ) -> int | None:
        """The status that it was answered with; None where that is not counted. Raises RequestError,
        ClientDisconnected.
        """
        path, method = scope["path"], scope["method"]
        if path == "/invocations" and not self._models.many:
            raise MethodNotAllowed("/invocations takes POST")
        if path in ("/ping", "/metrics"):
            if method not in ("GET", "HEAD"):
                raise MethodNotAllowed(f"{path} takes GET and HEAD")
            await self._report(path, send, answered_with)
            return None
        if self._models.many and (path == "/models" or path.startswith("/models/")):
            return await self._manage(path, method, headers, receive, send, answered_with)
        raise NotFound(f"there is no {path[:100]!r}; there are {self._models.paths}")

    async def _report(self, path: str, send: Send, answered_with: Headers) -> None:
        if path == "/metrics":
            kind = (b"content-type", reports.CONTENT_TYPE)
            await send_answer(send, 200, reports.prometheus(self._board), [kind, *answered_with])
            return
        status = 503 if self.stuck(time.perf_counter()) else 200
        await send_answer(send, status, b"", answered_with)

    async def _manage(
        self,
        path: str,
        method: str,
        headers: dict[bytes, bytes],
        receive: Receive,
        send: Send,
        answered_with: Headers,
    ) -> int:
        name, _, action = path.removeprefix("/models").removeprefix("/").partition("/")
        if name and action == "invoke":
            if method != "POST":
                raise MethodNotAllowed(f"{path[:100]} takes POST")
            return await self._invoke(self._models.get(name), headers, receive, send, answered_with)
        if action:
            raise NotFound(f"there is no {path[:100]!r}; there are {self._models.paths}")
        length = headers.get(b"content-length")
        body = await read_body(receive, content_length=length, limit=MAX_BODY_BYTES)
        document = await self._models.manage(method, name, body)
        await send_answer(send, 200, document, [JSON_HEADER, *answered_with])
        return 200

    async def _invoke(
        self, service: Service, headers: dict[bytes, bytes], receive: Receive, send: Send, answered_with: Headers
    ) -> int:
        if headers.get(b"content-encoding") not in _PLAIN:
            raise UnsupportedMediaType("cannot read a compressed body; send it without Content-Encoding")
        sent_as = service.content_type(headers.get(b"content-type", b""))
        accept = service.accepted(headers.get(b"accept", b""))
        length = headers.get(b"content-length")
        body = await read_body(receive, content_length=length, limit=MAX_BODY_BYTES)
        if not body and b"upgrade" in headers:  # the parser takes what follows for another protocol
            raise InvalidInput("the body is lost where a request asks for another protocol; send it without Upgrade")
        answer = await service.answer(body, sent_as, accept)
        answered_with = [content_type(accept), *answered_with]
        if isinstance(answer, bytes):
            await send_answer(send, 200, answer, answered_with)
            return 200
        return await Stream(answer, self._streams).send(receive, send, answered_with)


def _ids(headers: dict[bytes, bytes]) -> Headers:
    """The caller's own identifiers of the request, given back."""
    found: Headers = []
    for name in _REQUEST_IDS:
        if name in headers and _ID.fullmatch(headers[name]):
            found.append((b"x-request-id", headers[name]))
            break
    if _INFERENCE_ID in headers and _ID.fullmatch(headers[_INFERENCE_ID]):
        found.append((_INFERENCE_ID, headers[_INFERENCE_ID]))
    return found


def _log_refusal(scope: dict[str, Any], headers: dict[bytes, bytes], status: int, seconds: float) -> None:
    ids = " ".join(value.decode("ascii") for _, value in _ids(headers)) or "-"
    log.warning("%s %r: %d after %.0f ms, %s", scope["method"], scope["path"][:100], status, 1000 * seconds, ids)
