"""Answers whose parts are sent as a hook gives them (InvokeEndpointWithResponseStream)."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from server.errors import Busy, RequestError, TimedOut
from server.http.answers import Headers, Send
from server.http.body import ClientDisconnected, Receive
from server.model.predictor import as_bytes, describe, failed

log = logging.getLogger(__name__)
_END = object()
_THREADS = 16  # parts that are made at the same time


class Streams:
    """The threads of a worker's streams: a model may take its time between two parts.

    Args:
        timeout: seconds in which each part has to come.
        queued: streams beyond the threads before more are refused.
    """

    def __init__(self, timeout: float, queued: int) -> None:
        self.timeout = timeout
        self._most = _THREADS + queued
        self._open = 0
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="stream")
        self._since: dict[int, float] = {}

    @contextmanager
    def room(self) -> Iterator[None]:
        """For one stream. Raises Busy."""
        if self._open >= self._most:
            raise Busy("too many answers are sent in parts; try again")
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    def submit(self, function: Callable[[], Any]) -> Future[Any]:
        return self._executor.submit(self._timed, function)

    def stuck(self, now: float) -> bool:
        """Whether no thread is left: each has been at one part for longer than that may take."""
        since = list(self._since.values())
        return len(since) == _THREADS and now - max(since) > self.timeout

    def _timed(self, function: Callable[[], Any]) -> Any:
        thread = threading.get_ident()
        self._since[thread] = time.perf_counter()
        try:
            return function()
        finally:
            del self._since[thread]


class Stream:
    """The parts of one answer."""

    def __init__(self, parts: Iterator[bytes | str], streams: Streams) -> None:
        self._parts, self._streams = parts, streams

    async def send(self, receive: Receive, send: Send, headers: Headers) -> int:
        """Sends all of it, or what there was when the client went away. Returns the status that it ended with: where
        the model fails in the middle, or takes too long for a part, the answer stays unfinished, and the HTTP server
        closes the connection.

        Raises RequestError, ClientDisconnected before anything is sent.
        """
        with self._streams.room():
            gone = asyncio.ensure_future(receive())  # nothing more is sent to us, so it ends when the client does
            try:
                part = await self._next(gone)
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                return await self._send_from(part, gone, send)
            finally:
                gone.cancel()
                self._close()

    async def _send_from(self, part: Any, gone: asyncio.Future[Any], send: Send) -> int:
        try:
            while part is not _END:
                await send({"type": "http.response.body", "body": part, "more_body": True})
                part = await self._next(gone)
            await send({"type": "http.response.body", "body": b""})
        except ClientDisconnected:
            log.info("the client went away")
        except RequestError as error:
            return error.status
        return 200

    async def _next(self, gone: asyncio.Future[Any]) -> Any:
        self._taking = self._streams.submit(self._take)
        self._taken = asyncio.wrap_future(self._taking)
        timeout = self._streams.timeout
        await asyncio.wait({self._taken, gone}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            raise ClientDisconnected
        if not self._taken.done():
            raise TimedOut(f"the model did not answer within {timeout:g} seconds")
        return self._taken.result()

    def _take(self) -> Any:
        try:
            part = next(self._parts, _END)
            return part if part is _END else as_bytes(part)
        except RequestError:
            raise
        except BaseException as error:  # as of a hook that ends the process: it ends one request instead
            raise failed("the model failed while it answered", error) from error

    def _close(self) -> None:
        """Lets a generator run its `finally`, where it has one, once it is not busy with a part any more."""
        self._taken.cancel()
        if (close := getattr(self._parts, "close", None)) is not None:
            self._taking.add_done_callback(lambda taking: self._streams.submit(lambda: _finish(close)))


def _finish(close: Callable[[], None]) -> None:
    try:
        close()
    except BaseException as error:
        log.error("the model failed after it had answered: %s", describe(error))
