"""What may end a training job's attempt from outside, and the way for it to get to the running attempt.

On AWS these come by themselves; here a person asks for them (`python -m localcloud interrupt`, `... fail`).
"""

from __future__ import annotations

import threading
from typing import Any

from localcloud.sagemaker.jobs.group import ContainerGroup


class DisruptionRefused(Exception):
    """The job cannot be disrupted; the message says why."""


class Disruption(Exception):
    """Ends the attempt: the containers end, and the job goes on with other instances or fails."""

    def apply(self, group: ContainerGroup) -> None:
        raise NotImplementedError


class Interrupted(Disruption):
    """EC2 takes spot instances back, after a warning: SIGTERM, and the grace that a stopped job has.

    Attributes:
        capacity_after: seconds until there are spot instances again.
    """

    def __init__(self, capacity_after: float) -> None:
        super().__init__("the spot instances were taken back")
        self.capacity_after = capacity_after

    def apply(self, group: ContainerGroup) -> None:
        group.stop()


class InternalServerError(Disruption):
    """An instance is lost at once, as when its hardware fails: what RetryStrategy is for."""

    def __init__(self) -> None:
        super().__init__("an instance was lost")

    def apply(self, group: ContainerGroup) -> None:
        group.kill()


class DisruptionSwitch:
    """Lets a disruption in while an attempt runs. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._group: ContainerGroup | None = None
        self._disruption: Disruption | None = None

    def open(self, group: ContainerGroup) -> None:
        """From now on `group` may be disrupted."""
        with self._lock:
            self._group, self._disruption = group, None

    def close(self) -> None:
        """Nothing can be disrupted any more."""
        with self._lock:
            self._group = None

    def disrupt(self, disruption: Disruption) -> None:
        """Raises DisruptionRefused where no attempt runs, or one that is disrupted already."""
        with self._lock:
            if self._group is None or self._disruption is not None:
                raise DisruptionRefused("it is not downloading or training")
            self._disruption = disruption
            disruption.apply(self._group)

    def check(self) -> None:
        """Raises what disrupted the attempt."""
        with self._lock:
            if self._disruption is not None:
                raise self._disruption


def may_retry(job: dict[str, Any]) -> bool:
    """Whether an InternalServerError leaves an attempt (RetryStrategy; a stopped job is not tried again).

    Jobs of other kinds have no RetryStrategy, and so no further attempt.
    """
    allowed = job.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0)
    return job.get("_Retries", 0) < allowed and job["TrainingJobStatus"] != "Stopping"
