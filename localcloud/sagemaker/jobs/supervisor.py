"""Starts, stops and recovers jobs: one thread a job."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from localcloud.config import Config
from localcloud.containers.cleanup import remove_folder
from localcloud.sagemaker.jobs import failures
from localcloud.sagemaker.jobs.metric_history import MetricHistory
from localcloud.sagemaker.jobs.processing import ProcessingRunner
from localcloud.sagemaker.jobs.record import Record
from localcloud.sagemaker.jobs.runner import JobRunner, Surroundings
from localcloud.sagemaker.jobs.training import TrainingRunner
from localcloud.sagemaker.store import Query, Store

if TYPE_CHECKING:
    from localcloud.images import ImageRegistry

log = logging.getLogger(__name__)

# StopTrainingJob: SIGTERM, then 120 seconds to save the model.
STOP_GRACE_SECONDS = 120.0
_SHUTDOWN_SECONDS = 5.0
_RUNNERS: dict[str, type[JobRunner]] = {"training-job": TrainingRunner, "processing-job": ProcessingRunner}
_UNFINISHED = ("InProgress", "Stopping")


class JobSupervisor:
    """Runs the jobs whose documents are in the store. Every call returns at once, but `shutdown`."""

    def __init__(
        self,
        config: Config,
        store: Store,
        images: ImageRegistry,
        *,
        grace_seconds: float = STOP_GRACE_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._clock = clock
        self.history = MetricHistory()
        self._surroundings = Surroundings(
            config=config,
            images=images,
            folder=config.state_dir / "sagemaker" / "jobs",
            grace_seconds=grace_seconds,
            history=self.history,
        )
        self._running: dict[tuple[str, str], tuple[JobRunner, threading.Thread]] = {}
        self._lock = threading.Lock()

    def start(self, kind: str, name: str) -> None:
        """Runs the job; one that runs already is left alone. Raises NotFound."""
        with self._lock:
            if (kind, name) in self._running:
                return
            runner = _RUNNERS[kind](self._surroundings, Record(self._store, kind, name, self._clock))
            thread = threading.Thread(target=self._run, args=(kind, name, runner), name=f"{kind}-{name}", daemon=True)
            self._running[kind, name] = runner, thread
        thread.start()

    def stop(self, kind: str, name: str) -> None:
        """Ends the job's containers, SIGTERM first; one that has ended is left alone."""
        with self._lock:
            running = self._running.get((kind, name))
        if running:
            running[0].stop()

    def recover(self) -> None:
        """Fails the jobs that ran when the embedded cloud ended. Call before the first `start`."""
        remove_folder(self._surroundings.folder)
        for kind in _RUNNERS:
            noun = "Training" if kind == "training-job" else "Processing"
            unfinished = [job for status in _UNFINISHED for job in self._store.list(kind, Query(status=status))]
            for job in unfinished:
                record = Record(self._store, kind, job[f"{noun}JobName"], self._clock)
                record.finish("Failed", reason=failures.RESTARTED)

    def shutdown(self) -> None:
        """Ends every container and waits for the jobs' threads; their documents are left to `recover`.

        A thread that waits for a service which has ended already is not waited for.
        """
        with self._lock:
            running = list(self._running.values())
        for runner, _ in running:
            runner.abandon()
        deadline = time.monotonic() + _SHUTDOWN_SECONDS
        for _, thread in running:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, kind: str, name: str, runner: JobRunner) -> None:
        try:
            runner.run()
        finally:
            with self._lock:
                self._running.pop((kind, name), None)
