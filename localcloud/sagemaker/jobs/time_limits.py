"""How long a training job may still run and wait (StoppingCondition)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

_DEFAULT_MAX_RUNTIME = 86_400.0  # StoppingCondition.MaxRuntimeInSeconds: one day when not given


class TimeLimits:
    """MaxRuntimeInSeconds counts the training of all attempts together, MaxWaitTimeInSeconds everything since the
    creation of the job, MaxPendingTimeInSeconds each wait for instances.

    Args:
        job: the document of the training job.
        now: epoch seconds; what passes from then on is measured by `monotonic`.
    """

    def __init__(self, job: dict[str, Any], *, now: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        condition = job.get("StoppingCondition", {})
        self._monotonic = monotonic
        self._max_runtime = condition.get("MaxRuntimeInSeconds", _DEFAULT_MAX_RUNTIME)
        self._max_wait = condition.get("MaxWaitTimeInSeconds", math.inf)
        self._max_pending = condition.get("MaxPendingTimeInSeconds", math.inf)
        self._created = monotonic() - max(0.0, now - job["CreationTime"])
        self._trained = job.get("_TrainingSeconds", 0.0)
        self._training_since: float | None = None

    def training_begins(self) -> None:
        self._training_since = self._monotonic()

    def training_ends(self) -> None:
        if self._training_since is not None:
            self._trained += self._monotonic() - self._training_since
        self._training_since = None

    def training(self) -> tuple[float, str]:
        """The seconds left for training (never negative), and the secondary status when they are over."""
        runtime = self._max_runtime - self._trained
        wait = self._wait_left()
        return (max(0.0, runtime), "MaxRuntimeExceeded") if runtime <= wait else (wait, "MaxWaitTimeExceeded")

    def pending(self) -> tuple[float, str]:
        """The same for waiting for instances; MaxPendingTimeInSeconds has no secondary status of its own."""
        wait = self._wait_left()
        return (wait, "MaxWaitTimeExceeded") if wait <= self._max_pending else (self._max_pending, "Stopped")

    def _wait_left(self) -> float:
        return max(0.0, self._max_wait - (self._monotonic() - self._created))
