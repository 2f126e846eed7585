"""A loaded model as one worker serves it: what was sent -> what is answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sized
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

from server.batching.batcher import Batcher, Limits
from server.batching.execution import Execution
from server.batching.requests import Request
from server.errors import RequestError
from server.metrics.board import Row
from server.model.predictor import Predictor
from server.serving.parsing import Parser

_HEADERS_KEPT = 128
clock = time.perf_counter

Answer = bytes | Iterator[bytes | str]


class LoopScheduler:
    """The running event loop, and one thread for the model."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="predict")
        self.call_soon, self.call_later = self._loop.call_soon, self._loop.call_later

    def in_thread(self, function: Callable[[], Any], done: Callable[[Any], None]) -> None:
        future = self._loop.run_in_executor(self._thread, function)
        future.add_done_callback(lambda finished: done(finished.result()))


class Service:
    """Used from the event loop. `connections` are the worker's."""

    def __init__(self, predictor: Predictor, limits: Limits, row: Row, connections: Sized) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = Parser(predictor.parse, limits, row.phases["parse"], clock)
        execution = Execution(predictor, clock)
        self.batcher = Batcher(execution, limits, row, LoopScheduler(), clock, connections)
        # The same few headers come again and again.
        self.content_type = lru_cache(_HEADERS_KEPT)(lambda sent: predictor.content_type(sent.decode("latin-1")))
        self.accepted = lru_cache(_HEADERS_KEPT)(lambda sent: predictor.accepted(sent.decode("latin-1")))

    @property
    def busy(self) -> bool:
        """Whether a request is being read, waits, or is with the model."""
        return self.batcher.busy or self._parser.busy

    def stuck(self, now: float) -> bool:
        """Whether the model, or what reads its requests, does not answer any more."""
        return self.batcher.stuck(now) or self._parser.stuck(now)

    async def answer(self, body: bytes, content_type: str, accept: str) -> Answer:
        """The two are what the methods of these names gave. Raises RequestError."""
        parser, batcher = self._parser, self.batcher
        batcher.require_room()
        if parser.is_short(body):
            data = parser.at_once(body, content_type)
        else:
            data = await parser.in_thread(body, content_type)
        if batcher.free:
            outcome = batcher.run(data, accept)
        else:
            request = Request(data, accept, clock(), batched=batcher.batched)
            request.promise = self._loop.create_future()
            batcher.submit(request)
            outcome = await request.promise
        if isinstance(outcome, RequestError):
            raise outcome
        return outcome
