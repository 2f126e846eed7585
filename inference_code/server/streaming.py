"""Answers whose parts are sent as a hook gives them (InvokeEndpointWithResponseStream)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from concurrent.futures import Executor
from typing import Any

from server.answers import Headers, Send
from server.body import Receive
from server.errors import RequestError, TimedOut
from server.predictor import as_bytes, describe, failed

log = logging.getLogger(__name__)
_END = object()


class Stream:
    """The parts of one answer. Each is asked for in a thread: a model may take its time between two."""

    def __init__(self, parts: Iterator[bytes | str], executor: Executor) -> None:
        self._parts, self._executor = parts, executor

    async def send(self, receive: Receive, send: Send, headers: Headers, *, timeout_seconds: float) -> int:
        """Sends all of it, or what there was when the client went away. Returns the status that it ended with: where
        the model fails in the middle the answer stays unfinished, and the HTTP server closes the connection.

        Raises RequestError before anything is sent; the first part has to come in time.
        """
        part = await self._first(timeout_seconds)
        gone = asyncio.ensure_future(receive())  # nothing more is sent to us, so it ends when the client does
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            while part is not _END and not gone.done():
                await send({"type": "http.response.body", "body": part, "more_body": True})
                part = await self._next()
            await send({"type": "http.response.body", "body": b""})
            return 200
        except RequestError as error:
            return error.status
        finally:
            gone.cancel()
            await self._close()

    async def _first(self, timeout_seconds: float) -> Any:
        try:
            return await asyncio.wait_for(self._next(), timeout_seconds)
        except TimeoutError as error:
            raise TimedOut(f"the model did not answer within {timeout_seconds:g} seconds") from error

    async def _next(self) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._take)

    def _take(self) -> Any:
        try:
            part = next(self._parts, _END)
            return part if part is _END else as_bytes(part)
        except RequestError:
            raise
        except BaseException as error:  # as of a hook that ends the process: it ends one request instead
            raise failed("the model failed while it answered", error) from error

    async def _close(self) -> None:
        """Lets a generator run its `finally`, where it has one."""
        close = getattr(self._parts, "close", None)
        if close is None:
            return
        try:
            await asyncio.get_running_loop().run_in_executor(self._executor, close)
        except Exception as error:
            log.error("the model failed after it had answered: %s", describe(error))
