"""Starts and stops builds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from localcloud.codebuild.build import Build
from localcloud.codebuild.record import Progress
from localcloud.config import Config


class CodeBuildExecutor:
    """Runs builds, each in a thread of its own."""

    def __init__(self, config: Config, *, clock: Callable[[], float] = time.time) -> None:
        self._config = config
        self._clock = clock
        self._running: dict[str, Build] = {}
        self._lock = threading.Lock()

    def start(self, build: dict[str, Any], report: Callable[[dict[str, Any]], None]) -> None:
        """Starts a build that `new_build` has made. `report` gets the whole record at each change, from a thread."""
        running = Build(self._config, Progress(build, report, self._clock))
        with self._lock:
            self._running[build["id"]] = running
        threading.Thread(
            target=self._run, args=(build["id"], running), name=f"build-{build['id']}", daemon=True
        ).start()

    def stop(self, build_id: str) -> bool:
        """Ends a running build, which then reports STOPPED; False when it does not run."""
        with self._lock:
            running = self._running.get(build_id)
        if running:
            running.stop()
        return running is not None

    def close(self) -> None:
        """Ends every build."""
        with self._lock:
            identifiers = list(self._running)
        for identifier in identifiers:
            self.stop(identifier)

    def _run(self, build_id: str, running: Build) -> None:
        try:
            running.run()
        finally:
            with self._lock:
                del self._running[build_id]
