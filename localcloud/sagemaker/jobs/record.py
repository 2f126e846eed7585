"""What a running job writes into its own document.

A training job has a status and, within it, secondary states with their history; the others have a status only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from localcloud.sagemaker.resources.secondary_status import begin_secondary_status
from localcloud.sagemaker.store import Store

Document = dict[str, Any]

# SecondaryStatusTransition.StatusMessage, as DescribeTrainingJob answers it.
MESSAGES = {
    "Downloading": "Downloading input data",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job wait time exceeded MaxWaitTimeInSeconds provided",
    "Interrupted": "Training job is interrupted by insufficient Spot capacity",
    "Pending": "Waiting for Spot capacity",
    "Starting": "Preparing the instances for training",
    "Restarting": "Restarting the training job after an internal server error",
}
# Of what an on-demand instance costs. AWS promises "up to 90 %"; this is what its own examples show.
SPOT_SAVINGS = 0.7
IMAGE_DOWNLOADING = "Downloading the training image"
IMAGE_DOWNLOADED = "Training image download completed. Training in progress."


class Record:
    """The document of one job.

    Args:
        kind: "training-job", "processing-job" or "transform-job".
        clock: epoch seconds.
    """

    def __init__(self, store: Store, kind: str, name: str, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self.kind, self.name = kind, name
        self.clock = clock
        self._noun = {"training-job": "Training", "processing-job": "Processing", "transform-job": "Transform"}[kind]

    def read(self) -> Document:
        return self._store.get(self.kind, self.name)

    def update(self, **members: Any) -> None:
        """Sets members of the document."""
        self._store.update(self.kind, self.name, lambda document: document.update(members))

    def begin(self, secondary: str, message: str | None = None) -> None:
        """A training job enters a secondary state (or changes its message), unless it is being stopped.

        Its time starts to count with the first state after Starting, and in each attempt anew.
        """

        def change(document: Document) -> None:
            if document["TrainingJobStatus"] == "Stopping":
                return
            now = self.clock()
            begin_secondary_status(document, secondary, message or MESSAGES[secondary], now)
            document.setdefault("TrainingStartTime", now)
            document.setdefault("_AttemptStartTime", now)

        self._store.update(self.kind, self.name, change)

    def lost(self, secondary: str, *, retries: int, ended: float | None = None) -> None:
        """A training job has lost its instances: Interrupted (spot), or Restarting (after an internal error).

        Args:
            retries: how many of the attempts of RetryStrategy are used up.
            ended: when the attempt ended (epoch seconds), now unless given.
        """

        def change(document: Document) -> None:
            now = self.clock()
            _end_attempt(document, now if ended is None else ended)
            document["_Retries"] = retries
            if document["TrainingJobStatus"] != "Stopping":
                begin_secondary_status(document, secondary, MESSAGES[secondary], now)

        self._store.update(self.kind, self.name, change)

    def waits(self, secondary: str) -> None:
        """A training job is Pending or Starting again, which is no training time."""

        def change(document: Document) -> None:
            if document["TrainingJobStatus"] != "Stopping":
                begin_secondary_status(document, secondary, MESSAGES[secondary], self.clock())

        self._store.update(self.kind, self.name, change)

    def note(self, text: str) -> None:
        """Adds a sentence to the message of the secondary state a training job is in."""

        def change(document: Document) -> None:
            if transitions := document.get("SecondaryStatusTransitions"):
                transitions[-1]["StatusMessage"] = f"{transitions[-1].get('StatusMessage', '')} {text}".strip()
                document["LastModifiedTime"] = self.clock()

        self._store.update(self.kind, self.name, change)

    def started(self) -> None:
        """The containers of a job without secondary states are about to run."""

        def change(document: Document) -> None:
            document[f"{self._noun}StartTime"] = document["LastModifiedTime"] = self.clock()

        self._store.update(self.kind, self.name, change)

    def finish(self, status: str, *, secondary: str | None = None, reason: str | None = None, **members: Any) -> None:
        """Ends the job.

        Args:
            status: Completed, Failed or Stopped.
            secondary: the last secondary state where it is not called as the status.
            reason: FailureReason.
            members: further members of the document; those that are None are left out.
        """

        def change(document: Document) -> None:
            now = self.clock()
            document.update({name: value for name, value in members.items() if value is not None})
            if reason is not None:
                document["FailureReason"] = reason
            document[f"{self._noun}JobStatus"] = status
            document[f"{self._noun}EndTime"] = document["LastModifiedTime"] = now
            if self._noun == "Training":
                document.setdefault("TrainingStartTime", now)
                document.update(
                    _times(_end_attempt(document, now), spot=bool(document.get("EnableManagedSpotTraining")))
                )
                begin_secondary_status(document, secondary or status, MESSAGES[secondary or status], now)

        self._store.update(self.kind, self.name, change)


def _end_attempt(document: Document, now: float) -> float:
    """Adds the time of the attempt that ends to those before it, and returns the seconds of all."""
    seconds = document.get("_TrainingSeconds", 0.0) + max(0.0, now - document.pop("_AttemptStartTime", now))
    document["_TrainingSeconds"] = seconds
    return seconds


def _times(seconds: float, *, spot: bool) -> Document:
    """The training time, waiting for instances excluded, and what of it is billed; both are at least a second."""
    training = max(1, round(seconds))
    return {
        "TrainingTimeInSeconds": training,
        "BillableTimeInSeconds": max(1, round(training * (1 - SPOT_SAVINGS))) if spot else training,
    }
