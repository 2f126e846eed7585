"""What the workers count, in memory that all processes of the server share.

One row of numbers a worker. Only the worker writes to its row, so nothing is locked; whoever reads adds the rows up. A
row outlives its worker: the one that replaces it goes on counting.
"""

from __future__ import annotations

import mmap
from bisect import bisect_left

STATUSES = (200, 400, 404, 405, 406, 409, 413, 415, 500, 503, 504, 507)
PHASES = ("parse", "queue", "predict", "encode")
SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)

_BEAT, _CONNECTIONS, _QUEUED, _RESTARTS, _FIRST_STATUS = range(5)
_DOUBLE = 8


class Histogram:
    """How many values lie below each bound, and their sum."""

    __slots__ = ("_at", "_bounds", "_numbers", "_sum_at")

    def __init__(self, numbers: memoryview, at: int, bounds: tuple[float, ...]) -> None:
        self._numbers, self._at, self._bounds = numbers, at, bounds
        self._sum_at = at + len(bounds) + 1

    def add(self, value: float) -> None:
        self._numbers[self._at + bisect_left(self._bounds, value)] += 1
        self._numbers[self._sum_at] += value

    @property
    def counts(self) -> list[float]:
        """Values in each bucket; the last one has no upper bound."""
        return list(self._numbers[self._at : self._sum_at])

    @property
    def sum(self) -> float:
        return self._numbers[self._sum_at]


class Row:
    """One worker's numbers. `beat` is the clock's reading when it last could have answered; 0 before it is ready."""

    def __init__(self, numbers: memoryview) -> None:
        self._numbers = numbers
        at = _FIRST_STATUS + len(STATUSES)
        self._status_at = {status: _FIRST_STATUS + index for index, status in enumerate(STATUSES)}
        self.phases: dict[str, Histogram] = {}
        for phase in PHASES:
            self.phases[phase] = Histogram(numbers, at, SECONDS)
            at += len(SECONDS) + 2
        self.batch_rows = Histogram(numbers, at, ROWS)

    def answered(self, status: int) -> None:
        self._numbers[self._status_at[status]] += 1

    def requests(self, status: int) -> float:
        return self._numbers[self._status_at[status]]

    @property
    def beat(self) -> float:
        return self._numbers[_BEAT]

    @beat.setter
    def beat(self, value: float) -> None:
        self._numbers[_BEAT] = value

    @property
    def connections(self) -> float:
        return self._numbers[_CONNECTIONS]

    @connections.setter
    def connections(self, value: float) -> None:
        self._numbers[_CONNECTIONS] = value

    @property
    def queued(self) -> float:
        return self._numbers[_QUEUED]

    @queued.setter
    def queued(self, value: float) -> None:
        self._numbers[_QUEUED] = value

    @property
    def restarts(self) -> float:
        return self._numbers[_RESTARTS]

    def restarted(self) -> None:
        """The worker is gone: what was true of it at the moment is not any more."""
        self._numbers[_RESTARTS] += 1
        self.beat = self.connections = self.queued = 0


_ROW = _FIRST_STATUS + len(STATUSES) + len(PHASES) * (len(SECONDS) + 2) + len(ROWS) + 2


class Board:
    """The rows of all workers; made before the workers are."""

    def __init__(self, workers: int) -> None:
        # Anonymous and shared: processes forked from this one see the same pages.
        numbers = memoryview(mmap.mmap(-1, workers * _ROW * _DOUBLE)).cast("d")
        self.rows = [Row(numbers[index * _ROW : (index + 1) * _ROW]) for index in range(workers)]

    def requests(self, status: int) -> int:
        return int(sum(row.requests(status) for row in self.rows))

    def phase(self, name: str) -> tuple[list[float], float]:
        """Counts by bucket of SECONDS, and the sum in seconds."""
        return _total([row.phases[name] for row in self.rows])

    def batch_rows(self) -> tuple[list[float], float]:
        return _total([row.batch_rows for row in self.rows])


def _total(histograms: list[Histogram]) -> tuple[list[float], float]:
    counts = [sum(column) for column in zip(*(one.counts for one in histograms), strict=True)]
    return counts, sum(one.sum for one in histograms)
