"""Delivers the store's changes to its subscribers: in commit order, at least once, on one thread.

The store's transactions write the changes into the table ``outbox``; here they are read, handed to the listeners and
removed. The removal needs no fsync: after a crash of the machine a change may be delivered again, never lost.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

Listener = Callable[[str, dict[str, Any] | None, dict[str, Any] | None], None]

_ATTEMPTS = 5
_FIRST_RETRY_SECONDS = 0.1
_BATCH = 100


class Delivery:
    """The delivering thread of one store; ``connect`` opens a connection to its file."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._listeners: list[Listener] = []
        self._thread: threading.Thread | None = None
        self._condition = threading.Condition()
        self._stopped = threading.Event()
        self._pending = True  # a previous process may have left changes behind

    def add(self, listener: Listener) -> None:
        """Register a listener; the first one starts the delivery."""
        with self._condition:
            self._listeners.append(listener)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="sagemaker-store-delivery", daemon=True)
                self._thread.start()

    def wake(self) -> None:
        """There may be something to deliver."""
        with self._condition:
            self._pending = True
            self._condition.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until nothing is left to deliver."""
        with self._condition:
            return self._condition.wait_for(lambda: not self._pending, timeout)

    def stop(self) -> None:
        """Finish the change in hand, leave the others in the outbox, and end the thread."""
        self._stopped.set()
        self.wake()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        connection = self._connect()
        connection.execute("PRAGMA synchronous = NORMAL")
        try:
            while self._wait():
                self._deliver_batch(connection)
        finally:
            connection.close()

    def _wait(self) -> bool:
        with self._condition:
            self._condition.wait_for(lambda: self._pending or self._stopped.is_set())
            return not self._stopped.is_set()

    def _deliver_batch(self, connection: sqlite3.Connection) -> None:
        with self._condition:
            # Under the lock: a commit after this read wakes us after we went back to waiting.
            rows = connection.execute(
                "SELECT sequence, kind, before, after FROM outbox ORDER BY sequence LIMIT ?", (_BATCH,)
            ).fetchall()
            if not rows:
                self._pending = False
                self._condition.notify_all()
        for sequence, kind, before, after in rows:
            if self._stopped.is_set():
                return
            delivered = [self._call(listener, kind, _decode(before), _decode(after)) for listener in self._listeners]
            if all(delivered):
                connection.execute("DELETE FROM outbox WHERE sequence = ?", (sequence,))

    def _call(self, listener: Listener, kind: str, before: dict | None, after: dict | None) -> bool:
        """False only when the store is stopped before the listener took the change."""
        delay = _FIRST_RETRY_SECONDS
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                listener(kind, before, after)
                return True
            except Exception:
                log.exception("attempt %d of %d: %r failed on a change of a %s", attempt, _ATTEMPTS, listener, kind)
            if self._stopped.wait(delay):
                return False
            delay *= 2
        log.error("a change of a %s was not delivered to %r", kind, listener)
        return True


def _decode(text: str | None) -> dict[str, Any] | None:
    return None if text is None else json.loads(text)
