"""What a running job writes into its own document.

A training job has a status and, within it, secondary states with their history; a processing job has a status only.
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
}
IMAGE_DOWNLOADING = "Downloading the training image"
IMAGE_DOWNLOADED = "Training image download completed. Training in progress."


class Record:
    """The document of one job.

    Args:
        kind: "training-job" or "processing-job".
        clock: epoch seconds.
    """

    def __init__(self, store: Store, kind: str, name: str, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self.kind, self.name = kind, name
        self.clock = clock
        self._noun = {"training-job": "Training", "processing-job": "Processing"}[kind]

    def read(self) -> Document:
        return self._store.get(self.kind, self.name)

    def begin(self, secondary: str, message: str | None = None) -> None:
        """A training job enters a secondary state (or changes its message), unless it is being stopped.

        Its time starts to count with the first state after Starting.
        """

        def change(document: Document) -> None:
            if document["TrainingJobStatus"] == "Stopping":
                return
            now = self.clock()
            begin_secondary_status(document, secondary, message or MESSAGES[secondary], now)
            document.setdefault("TrainingStartTime", now)

        self._store.update(self.kind, self.name, change)

    def note(self, text: str) -> None:
        """Adds a sentence to the message of the secondary state a training job is in."""

        def change(document: Document) -> None:
            if transitions := document.get("SecondaryStatusTransitions"):
                transitions[-1]["StatusMessage"] = f"{transitions[-1].get('StatusMessage', '')} {text}".strip()
                document["LastModifiedTime"] = self.clock()

        self._store.update(self.kind, self.name, change)

    def started(self) -> None:
        """The containers of a processing job, which has no secondary states, are about to run."""

        def change(document: Document) -> None:
            document["ProcessingStartTime"] = document["LastModifiedTime"] = self.clock()

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
                seconds = max(0, round(now - document.setdefault("TrainingStartTime", now)))
                document["TrainingTimeInSeconds"] = document["BillableTimeInSeconds"] = seconds
                begin_secondary_status(document, secondary or status, MESSAGES[secondary or status], now)

        self._store.update(self.kind, self.name, change)
