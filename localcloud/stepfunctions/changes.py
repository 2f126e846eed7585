"""News that something may have ended, for those who wait for its end."""

from __future__ import annotations

import threading


class Changes:
    """Counts changes; from any thread. Who remembers the count before it looks misses none after it."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    @property
    def count(self) -> int:
        with self._condition:
            return self._count

    def tell(self, *_: object) -> None:
        """Something has changed. Takes what a listener of a store is given."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait(self, seen: int, seconds: float) -> None:
        """Returns once there are more changes than `seen`, after so many seconds at the latest."""
        with self._condition:
            self._condition.wait_for(lambda: self._count != seen, seconds)
