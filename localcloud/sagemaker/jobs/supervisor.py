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
from localcloud.sagemaker.jobs.disruption import DisruptionRefused, may_retry
from localcloud.sagemaker.jobs.metric_history import MetricHistory
from localcloud.sagemaker.jobs.processing import ProcessingRunner
from localcloud.sagemaker.jobs.record import Record
from localcloud.sagemaker.jobs.runner import JobRunner, Surroundings
from localcloud.sagemaker.jobs.training import TrainingRunner
from localcloud.sagemaker.jobs.warm_pools import WarmPools
from localcloud.sagemaker.store import Query, Store
from localcloud.sagemaker.transform.runner import TransformRunner

if TYPE_CHECKING:
    from localcloud.images import ImageRegistry

log = logging.getLogger(__name__)

_SHUTDOWN_SECONDS = 5.0
_RUNNERS: dict[str, type[JobRunner]] = {
    "training-job": TrainingRunner,
    "processing-job": ProcessingRunner,
    "transform-job": TransformRunner,
}
_UNFINISHED = ("InProgress", "Stopping")


class JobSupervisor:
    """Runs the jobs whose documents are in the store. Every call returns at once, but `shutdown`."""

    def __init__(
        self,
        config: Config,
        store: Store,
        images: ImageRegistry,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._clock = clock
        self.history = MetricHistory()
        folder = config.state_dir / "sagemaker" / "jobs"
        self._pools = WarmPools(store, folder / "warm-pools")
        self._surroundings = Surroundings(
            config=config,
            images=images,
            pools=self._pools,
            folder=folder,
            grace_seconds=config.stop_grace_seconds,
            history=self.history,
        )
        self._running: dict[tuple[str, str], tuple[JobRunner, threading.Thread]] = {}
        self._lock = threading.Lock()

    def start(self, kind: str, name: str) -> None:
        """Runs the job; one that runs already is left alone. Raises NotFound."""
        with self._lock:
            runner = _RUNNERS[kind](self._surroundings, Record(self._store, kind, name, self._clock))
            predecessor = self._running.get((kind, name))
            if predecessor and _same(predecessor[0], runner):
                return
            # A deleted job's name may be taken again while what it left is still being removed.
            waits_for = predecessor[1] if predecessor else None
            thread = threading.Thread(
                target=self._run, args=(kind, name, runner, waits_for), name=f"{kind}-{name}", daemon=True
            )
            self._running[kind, name] = runner, thread
            thread.start()

    def stop(self, kind: str, name: str) -> None:
        """Ends the job's containers, SIGTERM first; one that has ended is left alone."""
        with self._lock:
            running = self._running.get((kind, name))
        if running:
            running[0].stop()

    def interrupt(self, name: str, capacity_after: float) -> None:
        """Takes a training job's spot instances away (`TrainingRunner.interrupt`). Raises DisruptionRefused."""
        self._training(name).interrupt(capacity_after)

    def lose_instance(self, name: str) -> None:
        """A training job meets an InternalServerError. Raises DisruptionRefused."""
        self._training(name).lose_instance()

    def update_keep_alive(self, name: str) -> None:
        """The job's KeepAlivePeriodInSeconds has changed."""
        self._pools.update(name)

    def recover(self) -> None:
        """Ends the jobs that ran when the embedded cloud ended. Call before the first `start`.

        To a job, that end is an InternalServerError: it fails, or begins again where its RetryStrategy says so.
        """
        remove_folder(self._surroundings.folder)
        self._pools.recover()
        for kind in _RUNNERS:
            noun = kind.removesuffix("-job").capitalize()
            unfinished = [job for status in _UNFINISHED for job in self._store.list(kind, Query(status=status))]
            for job in unfinished:
                record = Record(self._store, kind, job[f"{noun}JobName"], self._clock)
                if may_retry(job):
                    # Nobody knows when it ended; what passed since its last news is not training.
                    record.lost("Restarting", retries=job.get("_Retries", 0) + 1, ended=job["LastModifiedTime"])
                    self.start(kind, record.name)
                else:
                    record.finish("Failed", reason=failures.RESTARTED)

    def shutdown(self) -> None:
        """Ends every container and waits for the jobs' threads; their documents are left to `recover`.

        A thread that waits for a service which has ended already is not waited for.
        """
        with self._lock:
            running = list(self._running.values())
        for runner, _ in running:
            runner.abandon()
        self._pools.close()
        deadline = time.monotonic() + _SHUTDOWN_SECONDS
        for _, thread in running:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _training(self, name: str) -> TrainingRunner:
        with self._lock:
            running = self._running.get(("training-job", name))
        if running is None:
            raise DisruptionRefused("it does not run")
        runner = running[0]
        assert isinstance(runner, TrainingRunner)  # noqa: S101  (by its kind)
        return runner

    def _run(self, kind: str, name: str, runner: JobRunner, waits_for: threading.Thread | None) -> None:
        if waits_for is not None:
            waits_for.join()
        try:
            runner.run()
        finally:
            with self._lock:
                if self._running[kind, name][0] is runner:
                    del self._running[kind, name]


def _same(one: JobRunner, other: JobRunner) -> bool:
    return one.document["CreationTime"] == other.document["CreationTime"]
