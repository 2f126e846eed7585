"""Carries items away in batches, on a thread of its own, in order, none lost at the end."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")
_END = object()
_MAX_BATCH = 10_000


class Shipper(Generic[T]):
    """The first item goes at once, what comes within `interval_seconds` after a delivery goes together.

    Args:
        deliver: takes a non-empty list. What it raises is logged with the number of items lost; the next batch follows.
    """

    def __init__(self, deliver: Callable[[list[T]], None], *, name: str, interval_seconds: float = 0.3) -> None:
        self._deliver = deliver
        self._name = name
        self._interval = interval_seconds
        self._items: queue.SimpleQueue = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"ship-{name}", daemon=True)
        self._thread.start()

    def put(self, item: T) -> None:
        self._items.put(item)

    def end(self) -> None:
        """Nothing more will be put: what was put goes at once. Does not wait."""
        self._closing.set()
        self._items.put(_END)

    def close(self, timeout: float | None = None) -> None:
        """Returns when everything put before was delivered, or after `timeout` seconds."""
        self.end()
        self._thread.join(timeout)

    def _run(self) -> None:
        ended = False
        while not ended:
            batch, ended = self._take()
            if batch:
                self._attempt(batch)
            if not ended:
                self._closing.wait(self._interval)

    def _take(self) -> tuple[list[T], bool]:
        batch: list[T] = []
        item = self._items.get()
        while item is not _END:
            batch.append(item)
            if len(batch) == _MAX_BATCH:
                return batch, False
            try:
                item = self._items.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _attempt(self, batch: list[T]) -> None:
        try:
            self._deliver(batch)
        except Exception:
            log.exception("%s: %d items could not be delivered", self._name, len(batch))
