"""Starts, stops and resumes pipeline executions: one thread each."""

from __future__ import annotations

import threading
import time
from typing import Any

from localcloud.config import Config
from localcloud.sagemaker.jobs.role import Role
from localcloud.sagemaker.pipelines.execution import Execution
from localcloud.sagemaker.pipelines.record import EXECUTION
from localcloud.sagemaker.pipelines.step_types import WATCHED_KINDS
from localcloud.sagemaker.resources.resource import Call, ControlPlane, Jobs
from localcloud.sagemaker.store import NotFound, Query

_SHUTDOWN_SECONDS = 5.0
_UNFINISHED = ("Executing", "Stopping")


class _Service:
    """SageMaker itself, as the caller of what it does for an execution."""

    arn = "sagemaker.amazonaws.com"


class PipelineSupervisor:
    """Runs the executions whose documents are in the store; jobs of other kinds are handed on to ``jobs``.

    Args:
        plane: a control plane that allows everything: what steps do is done as the pipeline's role, over the API.
    """

    def __init__(self, config: Config, plane: ControlPlane, jobs: Jobs) -> None:
        self._config, self._jobs = config, jobs
        self._call = Call(plane=plane, caller=_Service())
        self._running: dict[str, tuple[Execution, threading.Thread]] = {}
        self._lock = threading.Lock()

    def start(self, kind: str, name: str) -> None:
        """Returns at once; an execution that runs already is woken. Raises NotFound."""
        if kind != EXECUTION:
            self._jobs.start(kind, name)
            return
        document = self._call.store.get(EXECUTION, name)
        definition = self._call.store.get("pipeline-version", document["_Version"])["PipelineDefinition"]
        with self._lock:
            if name in self._running:
                self._running[name][0].wake()
                return
            execution = Execution(self._call, name, Role(self._config, document["_RoleArn"]), definition)
            thread = threading.Thread(target=self._run, args=(name, execution), name=f"{kind}-{name}", daemon=True)
            self._running[name] = execution, thread
        thread.start()

    def stop(self, kind: str, name: str) -> None:
        """Returns at once. The document of an execution says already that it is Stopping; it is told to look."""
        if kind != EXECUTION:
            self._jobs.stop(kind, name)
            return
        with self._lock:
            found = self._running.get(name)
        if found is not None:
            found[0].wake()

    def update_keep_alive(self, name: str) -> None:
        """Of a training job's warm pool."""
        self._jobs.update_keep_alive(name)

    def recover(self) -> None:
        """Resumes what ran when the embedded cloud ended. Call when jobs and endpoints are recovered."""
        self._call.store.subscribe(self._changed)
        for status in _UNFINISHED:
            for document in self._call.store.list(EXECUTION, Query(status=status)):
                self.start(EXECUTION, document["_Name"])

    def shutdown(self) -> None:
        """Ends the threads; what the steps started is ended by the supervisors of that."""
        with self._lock:
            running = list(self._running.values())
        for execution, _ in running:
            execution.abandon()
        deadline = time.monotonic() + _SHUTDOWN_SECONDS
        for _, thread in running:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, name: str, execution: Execution) -> None:
        try:
            while True:
                execution.run()
                with self._lock:
                    # One that was retried meanwhile finds its thread still here.
                    if execution.abandoned or not self._is_unfinished(name):
                        del self._running[name]
                        return
        except BaseException:
            with self._lock:
                self._running.pop(name, None)
            raise

    def _is_unfinished(self, name: str) -> bool:
        try:
            return self._call.store.get(EXECUTION, name)["PipelineExecutionStatus"] in _UNFINISHED
        except NotFound:
            return False

    def _changed(self, kind: str, _before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
        """A change in the store: of what steps wait for, or the answer to a callback."""
        if kind in WATCHED_KINDS:
            with self._lock:
                running = [execution for execution, _ in self._running.values()]
            for execution in running:
                execution.wake()
