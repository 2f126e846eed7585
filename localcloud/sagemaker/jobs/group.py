"""The containers of one job, one an instance: they end together."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from localcloud.containers.container import Container


@dataclass(frozen=True)
class Outcome:
    """How a group ended.

    Attributes:
        exit_code: of the first container that failed, otherwise 0.
        host: index of that container.
        timed_out: the group was stopped because its time was over.
    """

    exit_code: int = 0
    host: int = 0
    timed_out: bool = False


class ContainerGroup:
    """Running containers. The first that fails ends the others; `stop` may be called from any thread, at any time."""

    def __init__(self, *, grace_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._grace = grace_seconds
        self._monotonic = monotonic
        self._containers: list[Container] = []
        self._exits: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._stopped = False

    def start(self, factories: Sequence[Callable[[], Container]]) -> None:
        """Starts one container by each factory. Raises ContainerStartError after ending those already started."""
        try:
            for index, factory in enumerate(factories):
                self._add(index, factory())
        except BaseException:
            self.kill()
            raise

    def wait(self, timeout: float) -> Outcome:
        """Waits until every container has ended; after `timeout` seconds they are stopped."""
        deadline = self._monotonic() + timeout
        outcome = Outcome()
        remaining = len(self._containers)
        while remaining:
            try:
                left = None if outcome.timed_out else max(0.0, deadline - self._monotonic())
                index, code = self._exits.get(timeout=left)
            except queue.Empty:
                outcome = Outcome(outcome.exit_code, outcome.host, timed_out=True)
                self.stop()
                continue
            remaining -= 1
            if code and not outcome.exit_code:
                outcome = Outcome(code, index, outcome.timed_out)
                self.stop()
        return outcome

    def stop(self) -> None:
        """SIGTERM to every container, and the end of it when its grace is over; returns at once."""
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
            containers = list(self._containers)
        for container in containers:
            self._stop_one(container)

    def kill(self) -> None:
        """Ends every container now."""
        with self._lock:
            self._stopped = True
            containers = list(self._containers)
        for container in containers:
            container.kill()

    def _add(self, index: int, container: Container) -> None:
        with self._lock:
            self._containers.append(container)
            stopped = self._stopped
        threading.Thread(target=self._watch, args=(index, container), name=f"wait-{index}", daemon=True).start()
        if stopped:
            self._stop_one(container)

    def _stop_one(self, container: Container) -> None:
        threading.Thread(target=container.stop, args=(self._grace,), name="stop", daemon=True).start()

    def _watch(self, index: int, container: Container) -> None:
        code = container.wait()
        self._exits.put((index, code if code is not None else 0))
