"""The document of a pipeline execution: what ``Describe*`` answers, and ``_Steps``, one record a step that was begun.

A step's record has the members of PipelineExecutionStep, and for the engine: ``_Type``, ``_Job`` (the name of the
resource it makes), ``_Properties`` (what it described when it succeeded), ``_CacheKey``, ``_RetryAt`` and
``_FirstStart`` (epoch seconds), of callbacks ``_Message`` and ``_Answer``.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Callable
from typing import Any

from localcloud.sagemaker.store import Store

Document = dict[str, Any]

EXECUTION = "pipeline-execution"
CALLBACK_TOKEN = "pipeline-callback"  # noqa: S105  (a kind of the store)
RUNNING = ("Starting", "Executing", "Stopping")
_ALPHABET = string.digits + string.ascii_lowercase


def identifier(length: int, *parts: Any) -> str:
    """Lower-case letters and digits, the same for the same parts."""
    number = int.from_bytes(hashlib.sha256(repr(parts).encode()).digest(), "big")
    return "".join(_ALPHABET[number // 36**place % 36] for place in range(length))


class ExecutionRecord:
    """Reads and writes the document of one execution. ``name`` is ``<pipeline>/execution/<id>``."""

    def __init__(self, store: Store, name: str, now: Callable[[], float]) -> None:
        self._store, self.name, self._now = store, name, now

    def read(self) -> Document:
        """Raises NotFound."""
        return self._store.get(EXECUTION, self.name)

    def put(self, step: str, **members: Any) -> None:
        """Write members of a step's record; None takes one out."""

        def change(execution: Document) -> None:
            found = {**execution["_Steps"].get(step, {"StepName": step}), **members}
            execution["_Steps"][step] = {key: value for key, value in found.items() if value is not None}
            execution["LastModifiedTime"] = self._now()

        self._store.update(EXECUTION, self.name, change)

    def finish(self, step: str, status: str, **members: Any) -> None:
        """The step has ended."""
        self.put(step, StepStatus=status, EndTime=self._now(), _RetryAt=None, **members)

    def show_experiment(self, names: Document) -> None:
        """The experiment and the trial that the jobs of the execution belong to."""
        self._store.update(EXECUTION, self.name, lambda execution: execution.update(PipelineExperimentConfig=names))

    def end(self, status: str, reason: str | None = None) -> None:
        """The execution has ended."""

        def change(execution: Document) -> None:
            execution |= {"PipelineExecutionStatus": status, "LastModifiedTime": self._now()}
            if reason is not None:
                execution["FailureReason"] = reason[:1300]

        self._store.update(EXECUTION, self.name, change)
