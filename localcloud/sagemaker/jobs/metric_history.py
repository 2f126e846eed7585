"""The values of running training jobs' metrics, for who decides by them while the jobs run (early stopping)."""

from __future__ import annotations

import threading
from collections.abc import Callable

from localcloud.sagemaker.jobs.metrics import Measurement


class MetricHistory:
    """Thread-safe. Keeps measurements of the jobs that are watched, in memory; of others nothing."""

    def __init__(self) -> None:
        self._measurements: dict[str, list[Measurement]] = {}
        self._listeners: list[Callable[[str], None]] = []
        self._lock = threading.Lock()

    def watch(self, job: str) -> None:
        """Keep what the job measures, from now on."""
        with self._lock:
            self._measurements.setdefault(job, [])

    def forget(self, job: str) -> None:
        with self._lock:
            self._measurements.pop(job, None)

    def record(self, job: str, measurement: Measurement) -> None:
        with self._lock:
            kept = self._measurements.get(job)
            if kept is None:
                return
            kept.append(measurement)
        for listener in self._listeners:
            listener(job)

    def values(self, job: str, metric: str) -> list[float]:
        """The metric's values so far, in the order in which they were printed."""
        with self._lock:
            return [measured.value for measured in self._measurements.get(job, []) if measured.name == metric]

    def subscribe(self, listener: Callable[[str], None]) -> None:
        """Call ``listener(job)`` after each measurement of a watched job, on the thread that read it."""
        self._listeners.append(listener)
