"""Starts, stops and resumes tuning jobs: one thread each."""

from __future__ import annotations

import threading
import time
from typing import Any

from localcloud.sagemaker.jobs.metric_history import MetricHistory
from localcloud.sagemaker.resources.resource import Call, ControlPlane, Jobs
from localcloud.sagemaker.store import Query
from localcloud.sagemaker.tuning.trial import TRAINING_JOB
from localcloud.sagemaker.tuning.tuner import Tuner
from localcloud.sagemaker.tuning.warm_start import TUNING_JOB

_SHUTDOWN_SECONDS = 5.0
_UNFINISHED = ("InProgress", "Stopping")


class _Service:
    """SageMaker itself, as the caller of what it does for a tuning job."""

    arn = "sagemaker.amazonaws.com"


class TuningSupervisor:
    """Runs the tuning jobs whose documents are in the store; jobs of other kinds are handed on to ``plane.jobs``.

    Args:
        plane: a control plane that allows everything: whoever created the tuning job was asked then.
        history: where the training jobs' metrics arrive while they run.
    """

    def __init__(self, plane: ControlPlane, history: MetricHistory) -> None:
        self._call = Call(plane=plane, caller=_Service())
        self._jobs: Jobs = plane.jobs
        self._history = history
        self._running: dict[str, tuple[Tuner, threading.Thread]] = {}
        self._lock = threading.Lock()

    def start(self, kind: str, name: str) -> None:
        """Returns at once; a job that runs already is left alone. Raises NotFound."""
        if kind != TUNING_JOB:
            self._jobs.start(kind, name)
            return
        tuner = Tuner(self._call, name, self._history)
        with self._lock:
            running = self._running.get(name)
            # One of the same name that has ended, and was deleted since, may not have left its thread yet.
            if running is not None and running[0].created == tuner.created:
                return
            thread = threading.Thread(target=self._run, args=(name, tuner), name=f"{kind}-{name}", daemon=True)
            self._running[name] = tuner, thread
        thread.start()

    def stop(self, kind: str, name: str) -> None:
        """Returns at once. The document of a tuning job says already that it is Stopping; its tuner is told to look."""
        if kind != TUNING_JOB:
            self._jobs.stop(kind, name)
            return
        self._wake(name)

    def update_keep_alive(self, name: str) -> None:
        """Of a training job's warm pool."""
        self._jobs.update_keep_alive(name)

    def recover(self) -> None:
        """Resumes the tuning jobs that ran when the embedded cloud ended. Call when the training jobs are recovered."""
        self._call.store.subscribe(self._changed)
        self._history.subscribe(self._measured)
        for status in _UNFINISHED:
            for document in self._call.store.list(TUNING_JOB, Query(status=status)):
                self.start(TUNING_JOB, document["HyperParameterTuningJobName"])

    def shutdown(self) -> None:
        """Ends the threads; the training jobs are ended by the supervisor of those."""
        with self._lock:
            running = list(self._running.values())
        for tuner, _ in running:
            tuner.abandon()
        deadline = time.monotonic() + _SHUTDOWN_SECONDS
        for _, thread in running:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, name: str, tuner: Tuner) -> None:
        try:
            tuner.run()
        finally:
            with self._lock:
                if self._running[name][0] is tuner:
                    del self._running[name]

    def _changed(self, kind: str, _before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
        """A change in the store."""
        if kind == TRAINING_JOB and after is not None and "TuningJobArn" in after:
            self._wake(after["TuningJobArn"].rpartition("/")[2])

    def _measured(self, training_job: str) -> None:
        """A training job printed a metric; its name begins with the tuning job's (``-001-0123abcd`` follows)."""
        self._wake(training_job.rsplit("-", 2)[0])

    def _wake(self, name: str) -> None:
        with self._lock:
            found = [tuner for known, (tuner, _) in self._running.items() if known.lower() == name.lower()]
        for tuner in found:
            tuner.wake()
