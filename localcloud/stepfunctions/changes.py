"""News that something may have ended, for those who wait for its end."""

from __future__ import annotations

import threading
from typing import Any

_STATUS = "JobStatus"  # TrainingJobStatus, ProcessingJobStatus ...


class Changes:
    """Counts changes; from any thread. Who remembers the count before it looks misses none after it."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    @property
    def count(self) -> int:
        with self._condition:
            return self._count

    def tell(self) -> None:
        """Something has changed."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def listen(self, _kind: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
        """A listener of the store of SageMaker: another status of a job is news, its start and what else changes while
        it runs are not.
        """
        if before is not None and _statuses(before) != _statuses(after):
            self.tell()

    def wait(self, seen: int, seconds: float) -> bool:
        """Returns once there are more changes than `seen`, after so many seconds at the latest; whether there are."""
        with self._condition:
            return self._condition.wait_for(lambda: self._count != seen, seconds)


def _statuses(document: dict[str, Any] | None) -> list[tuple[str, Any]]:
    return [(member, value) for member, value in (document or {}).items() if member.endswith(_STATUS)]
