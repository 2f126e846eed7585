"""A request's body -> what predict_fn gets: in the event loop where that is short, else in a thread."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from server.batching.batcher import Limits
from server.batching.cost import Cost
from server.errors import Busy, RequestError, TimedOut
from server.metrics.board import Histogram
from server.model.predictor import failed

_SMALL_BODY = 65_536  # bytes; longer ones are read in a thread, whatever the others took
Parse = Callable[[bytes, str], Any]


class Parser:
    """Used from the event loop. `parse(body, content_type)` raises RequestError."""

    def __init__(self, parse: Parse, limits: Limits, times: Histogram, clock: Callable[[], float]) -> None:
        self._parse, self._limits, self._times, self._clock = parse, limits, times, clock
        self._cost = Cost()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="parse")
        self._waiting = 0
        self._running_since = math.inf

    @property
    def busy(self) -> bool:
        return self._waiting > 0 or self._running_since < math.inf

    def is_short(self, body: bytes) -> bool:
        """Whether to call `at_once`, else `in_thread`."""
        return len(body) <= _SMALL_BODY and self._cost.cheap

    def at_once(self, body: bytes, content_type: str) -> Any:
        """Raises RequestError."""
        started = self._clock()
        data = self._read(body, content_type)
        took = self._clock() - started
        self._cost.add(took)
        self._times.add(took)
        return data

    async def in_thread(self, body: bytes, content_type: str) -> Any:
        """Raises RequestError."""
        if self._waiting >= self._limits.queued:
            raise Busy("too many requests wait; try again")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._limits.timeout):
                loop = asyncio.get_running_loop()
                data, took = await loop.run_in_executor(self._thread, self._timed, body, content_type)
        except TimeoutError as error:
            raise TimedOut(f"the request was not read within {self._limits.timeout:g} seconds") from error
        finally:
            self._waiting -= 1
        if len(body) <= _SMALL_BODY:
            self._cost.add(took)
        self._times.add(took)
        return data

    def stuck(self, now: float) -> bool:
        """Whether a body has been read for longer than a request may take."""
        return now - self._running_since > self._limits.timeout

    def _timed(self, body: bytes, content_type: str) -> tuple[Any, float]:
        self._running_since = started = self._clock()
        try:
            return self._read(body, content_type), self._clock() - started
        finally:
            self._running_since = math.inf

    def _read(self, body: bytes, content_type: str) -> Any:
        try:
            return self._parse(body, content_type)
        except RequestError:
            raise
        except BaseException as error:  # as of a hook that ends the process: it ends one request instead
            raise failed("input_fn failed", error) from error
