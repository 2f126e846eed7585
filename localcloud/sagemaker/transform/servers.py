"""The model servers of a transform job, one an instance."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from localcloud.sagemaker.endpoints.instance import Instance, InstanceUnhealthy
from localcloud.sagemaker.endpoints.model_data import ModelDataError
from localcloud.sagemaker.jobs.failures import JobFailure
from localcloud.sagemaker.jobs.role import RoleRefused

# SageMaker gives up after 30 minutes (aws/amazon-sagemaker-examples, issue 815).
STARTUP_SECONDS = 1800.0
NOT_HEALTHY = (
    "AlgorithmError: Model container failed to respond to ping. Please ensure /ping endpoint is implemented and"
    " responds with an HTTP 200 status code"
)


class ModelServers:
    """Started together, stopped together. ``abandon`` may be called from any thread, at any time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._abandoned = False
        self.instances: Sequence[Instance] = ()

    def start(self, count: int, create: Callable[[], Instance], explain: Callable[[Instance, str], None]) -> None:
        """Starts ``count`` servers and waits for their health. Raises JobFailure.

        Args:
            explain: takes what is known about an instance that did not become healthy.
        """
        with self._lock:
            self.instances = [create() for _ in range(count)]
            if self._abandoned:
                raise JobFailure("ClientError: the job was stopped before its model servers started")

        def start(instance: Instance) -> None:
            try:
                instance.start()
            except (ModelDataError, RoleRefused) as error:
                raise JobFailure(f"ClientError: {error}") from error
            except InstanceUnhealthy as error:
                explain(instance, str(error))
                raise JobFailure(NOT_HEALTHY) from error

        with ThreadPoolExecutor(count, thread_name_prefix="start") as pool:
            for _ in pool.map(start, self.instances):
                pass

    def abandon(self) -> None:
        """Ends every server at once; a ``start`` under way fails soon."""
        with self._lock:
            self._abandoned = True
            instances = self.instances
        for instance in instances:
            instance.abandon()

    def stop(self) -> None:
        """Ends every server and removes its folder."""
        instances = self.instances
        with ThreadPoolExecutor(max(1, len(instances)), thread_name_prefix="stop") as pool:
            for _ in pool.map(lambda instance: instance.stop(drain_seconds=0), instances):
                pass
