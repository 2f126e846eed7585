"""Keeps the workers alive.

A worker that ends is replaced: at once where it had lived for a while, else after a pause that doubles. One that was
ready and does not beat any more (its event loop hangs, or its model does not answer) is killed, and then replaced. A
worker that cannot become ready ends the server: SageMaker then shows what the log says, and starts the container again.

Signals are queued by their handlers and handled in the loop (`step`), as in uvicorn's multiprocess supervisor.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from server.metrics.board import Row

log = logging.getLogger(__name__)
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 10.0
_LONG_LIFE_SECONDS = 30.0
_DOUBLINGS = 10
_FRUITLESS_STARTS = 5
_ANNOUNCED_SECONDS = 0.5


class Process(Protocol):
    """A worker's process."""

    pid: int

    def ended(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""

    def signal(self, number: int) -> None: ...


@dataclass(frozen=True)
class Patience:
    """Seconds: without a beat before a worker is killed, and for draining before it is."""

    silence: float
    drain: float


class _Worker:
    """One place for a process, and what became of those that had it."""

    def __init__(self, index: int, row: Row) -> None:
        self.index, self.row = index, row
        self.process: Process | None = None
        self.started_at = self.start_at = 0.0
        self.short_lives = self.fruitless = 0
        self.killed = False


class Supervisor:
    """Args:
    rows: one a worker; `beat` is how a worker shows that it lives.
    start: begins the process of the worker with this index.
    refuse: makes that no more connections are taken; called a moment after the workers were told to end.
    clock: the one that beats are read from, in seconds.
    replaceable: whether a worker that was lost can be replaced; where not, the server ends.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        start: Callable[[int], Process],
        refuse: Callable[[], None],
        patience: Patience,
        clock: Callable[[], float],
        *,
        replaceable: bool,
    ) -> None:
        self._workers = [_Worker(index, row) for index, row in enumerate(rows)]
        self._start, self._refuse, self._patience = start, refuse, patience
        self._clock, self._replaceable = clock, replaceable
        self._signals: list[int] = []
        self._stopping_since: float | None = None
        self._refused = self._ever_ready = False
        self._code = 0

    def queue_signal(self, number: int) -> None:
        """To be called from a signal's handler."""
        self._signals.append(number)

    def step(self) -> int | None:
        """Does what is due. Returns the server's exit code once all is over."""
        for number in self._take_signals():
            log.info("%s: what is in flight is finished", signal.Signals(number).name)
            self._stop(0)
        for worker in self._workers:
            if worker.process is not None and (code := worker.process.ended()) is not None:
                self._ended(worker, code)
            elif worker.process is not None:
                self._check(worker)
        if self._stopping_since is None:
            self._start_missing()
        elif not any(worker.process for worker in self._workers):
            return self._code
        elif not self._refused and self._clock() - self._stopping_since >= _ANNOUNCED_SECONDS:
            self._refused = True
            self._refuse()
        return None

    def _take_signals(self) -> list[int]:
        taken = [self._signals.pop(0) for _ in range(len(self._signals))]
        return [number for number in taken if number in (signal.SIGTERM, signal.SIGINT)]

    def _start_missing(self) -> None:
        now = self._clock()
        for worker in self._workers:
            if worker.process is None and worker.start_at <= now:
                worker.killed, worker.started_at = False, now
                self._try_to_start(worker, now)

    def _try_to_start(self, worker: _Worker, now: float) -> None:
        """The machine may have no process or memory left for it at the moment, but for the others that answer."""
        try:
            worker.process = self._start(worker.index)
        except OSError as error:
            if not self._ever_ready:
                raise
            worker.start_at = now + _LONGEST_PAUSE_SECONDS
            log.error("cannot start a worker, which is tried again in %.0f s: %s", _LONGEST_PAUSE_SECONDS, error)

    def _check(self, worker: _Worker) -> None:
        now, process = self._clock(), worker.process
        self._ever_ready = self._ever_ready or worker.row.beat > 0
        if process is None or worker.killed:
            return
        if self._stopping_since is not None:
            late = now - self._stopping_since > self._patience.drain
        else:
            late = worker.row.beat > 0 and now - worker.row.beat > self._patience.silence
        if late:
            log.error("worker %d does not answer any more; it is killed", process.pid)
            worker.killed = True
            process.signal(signal.SIGKILL)

    def _ended(self, worker: _Worker, code: int) -> None:
        pid, now = worker.process.pid if worker.process else 0, self._clock()
        was_ready = worker.row.beat > 0
        self._ever_ready = self._ever_ready or was_ready
        worker.process = None
        worker.row.restarted()
        if self._stopping_since is not None:
            return
        worker.fruitless = 0 if was_ready else worker.fruitless + 1
        worker.short_lives = 0 if now - worker.started_at >= _LONG_LIFE_SECONDS else worker.short_lives + 1
        if not self._replaceable or self._cannot_start(worker):
            log.error("worker %d ended with %d; the server ends", pid, code)
            self._stop(1)
            return
        pause = min(_FIRST_PAUSE_SECONDS * 2 ** min(worker.short_lives - 1, _DOUBLINGS), _LONGEST_PAUSE_SECONDS)
        worker.start_at = now + (pause if worker.short_lives else 0.0)
        log.error("worker %d ended with %d; it is replaced in %.1f s", pid, code, worker.start_at - now)

    def _cannot_start(self, worker: _Worker) -> bool:
        """At once where no worker ever was ready: the model cannot be served. Else it may be the machine's fault."""
        return worker.fruitless >= (_FRUITLESS_STARTS if self._ever_ready else 1)

    def _stop(self, code: int) -> None:
        """The workers go on taking connections until they are refused: what the system holds ready for a worker when
        its socket is shut down is reset, and whoever sends us requests may not know yet that we end.
        """
        self._code = max(self._code, code)
        if self._stopping_since is None:
            self._stopping_since = self._clock()
            for worker in self._workers:
                if worker.process is not None:
                    worker.process.signal(signal.SIGTERM)
