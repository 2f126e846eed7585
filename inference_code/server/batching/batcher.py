"""Requests wait here for the model; those that wait when it is free go to it together.

No timer by default: while the model computes, or the event loop reads what has come, the next batch collects by
itself, and a request that comes alone never waits. With a wait, a batch that is not full waits that long for more.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from server.batching.cost import Cost
from server.batching.requests import Request
from server.errors import Busy, TimedOut
from server.metrics.board import Row

if TYPE_CHECKING:
    from server.batching.execution import Execution


class Timer(Protocol):
    def cancel(self) -> None: ...


class Scheduler(Protocol):
    """What the event loop does for a batcher."""

    def call_soon(self, function: Callable[[], None]) -> Any: ...

    def call_later(self, seconds: float, function: Callable[[], None]) -> Timer: ...

    def in_thread(self, function: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Calls `done` in the loop with what `function` returned."""


@dataclass(frozen=True)
class Limits:
    """`wait` and `timeout` in seconds; `queued` requests; `rows` of a batch."""

    rows: int
    wait: float
    queued: int
    timeout: float


class Batcher:
    """Used from the event loop only; the model's turn may be in a thread.

    Args:
        connections: those that are open; with a single one there is nobody to wait for.
    """

    def __init__(
        self,
        execution: Execution,
        limits: Limits,
        row: Row,
        scheduler: Scheduler,
        clock: Callable[[], float],
        connections: Sized,
    ) -> None:
        self._execution, self._limits = execution, limits
        self._phases, self._batch_rows = row.phases, row.batch_rows
        self._scheduler, self._clock, self._connections = scheduler, clock, connections
        self._waiting: deque[Request] = deque()
        self._running: list[Request] = []
        self._running_since = 0.0
        self._scheduled = False
        self._timer: Timer | None = None
        self._cost = Cost()

    @property
    def batched(self) -> bool:
        """Whether requests may go together."""
        return self._execution.batched and self._limits.rows > 1

    @property
    def queued(self) -> int:
        return len(self._waiting)

    @property
    def busy(self) -> bool:
        return bool(self._running or self._waiting)

    @property
    def free(self) -> bool:
        """Whether an input may be run at once: it would not overtake one, nor miss company worth waiting for."""
        if self._running or self._waiting or not self._cost.cheap:
            return False
        return not self.batched or self._cost.trivial or len(self._connections) < 2

    def run(self, data: Any, accept: str) -> Any:
        """The outcome, at once; only when `free`."""
        outcome, predicting, encoding = self._execution.run_one(data, accept)
        self._cost.add(predicting + encoding)
        self._phases["predict"].add(predicting)
        self._phases["encode"].add(encoding)
        return outcome

    def require_room(self) -> None:
        """Raises Busy; to be asked before anything costly is done for a request that would be refused."""
        if len(self._waiting) >= self._limits.queued:
            raise Busy("too many requests wait; try again", retry_after_seconds=self._seconds_to_drain())

    def submit(self, request: Request) -> None:
        """Its promise gets the outcome. Raises Busy."""
        self.require_room()
        self._waiting.append(request)
        if not self._running:
            self._schedule()

    def stuck(self, now: float) -> bool:
        """Whether the model has been busy with one batch for longer than a request may take."""
        return bool(self._running) and now - self._running_since > self._limits.timeout

    def expire(self, now: float) -> None:
        """Answers what has been here for too long."""
        oldest = now - self._limits.timeout
        while self._waiting and self._waiting[0].arrived < oldest:
            self._waiting.popleft().resolve(self._timed_out())
        for request in self._running:
            if request.arrived < oldest:
                request.resolve(self._timed_out())

    def _timed_out(self) -> TimedOut:
        return TimedOut(f"the model did not answer within {self._limits.timeout:g} seconds")

    def _seconds_to_drain(self) -> int:
        seconds = self._cost.seconds * len(self._waiting) if self._cost.seconds < math.inf else 1
        return max(1, min(math.ceil(seconds), math.ceil(self._limits.timeout)))

    def _schedule(self) -> None:
        if self._scheduled:
            return
        wait = self._limits.wait and self._waiting[0].arrived + self._limits.wait - self._clock()
        if wait <= 0 or not self.batched or self._waiting[0].kind is None or self._full():
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._scheduled = None, True
            self._scheduler.call_soon(self._start)
        elif self._timer is None:
            self._timer = self._scheduler.call_later(wait, self._start)

    def _full(self) -> bool:
        return sum(request.rows for request in self._waiting) >= self._limits.rows

    def _start(self) -> None:
        self._scheduled, self._timer = False, None
        if not self._waiting:  # they took too long
            return
        batch = self._running = self._take()
        self._running_since = self._clock()
        if self._cost.cheap:
            self._end(batch, self._execution.run(batch))
        else:
            self._scheduler.in_thread(lambda: self._execution.run(batch), lambda seconds: self._end(batch, seconds))

    def _take(self) -> list[Request]:
        """The first one and those of its kind, in their order, as many as are allowed."""
        first = self._waiting.popleft()
        if first.kind is None or not self.batched:
            return [first]
        batch, rows, others = [first], first.rows, []
        while self._waiting and rows < self._limits.rows:
            request = self._waiting.popleft()
            if request.kind == first.kind and rows + request.rows <= self._limits.rows:
                batch.append(request)
                rows += request.rows
            else:
                others.append(request)
        self._waiting.extendleft(reversed(others))
        return batch

    def _end(self, batch: list[Request], seconds: tuple[float, float]) -> None:
        if batch[0].outcome is None:
            self._repeat_one_by_one(batch)
            batch = []
        self._count(batch, seconds, self._running_since)
        self._running = []
        for request in batch:
            request.resolve(request.outcome)
        if self._waiting:
            self._schedule()

    def _repeat_one_by_one(self, batch: list[Request]) -> None:
        """So that one bad row fails only its own request. Each has a turn of its own: it is answered when it is done,
        and the model is stuck only where one alone takes too long.
        """
        again = [request for request in batch if not request.answered]
        for request in again:
            request.kind = None
        self._waiting.extendleft(reversed(again))

    def _count(self, batch: list[Request], seconds: tuple[float, float], started: float) -> None:
        predicting, encoding = seconds
        self._cost.add(predicting + encoding)
        queue = self._phases["queue"]
        for request in batch:
            queue.add(max(0.0, started - request.arrived))
        self._phases["predict"].add(predicting)
        self._phases["encode"].add(encoding)
        if batch:
            self._batch_rows.add(sum(request.rows for request in batch))
