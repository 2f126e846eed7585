"""Which environments have a preloaded process (preloaded.py): those in use, a few at a time, until they are idle."""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from localcloud.containers import isolation
from localcloud.containers.preloaded import READY
from localcloud.containers.spec import ContainerSpec

log = logging.getLogger(__name__)

# Slow to import, and harmless: no threads, no files left open, nothing read from variables that a job sets by itself.
_MODULES = ("torch", "pytorch_lightning", "lightning", "sklearn", "pandas", "xgboost")
# What differs from container to container of one image, and is none of the packages' business.
_OWN_PREFIXES = ("AWS_", "SAGEMAKER_", "SLIPWAY_", "TRAINING_JOB_", "PROCESSING_JOB_")
_OWN = ("HOME",)
_SERVE = (
    "import sys; sys.path.append(sys.argv[1]); from localcloud.containers import preloaded;"
    " preloaded.main(int(sys.argv[2]), sys.argv[3])"
)
_IMPORT_SECONDS = 60.0
_IDLE_SECONDS = 600.0
_ANSWER_BYTES = 64

Key = tuple[str, tuple[tuple[str, str], ...]]


class Preloads:
    """The preloaded processes of one embedded cloud; from any thread. `limit` 0: none."""

    def __init__(self, limit: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._found: dict[Key, Preloaded | None] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def configure(self, limit: int) -> None:
        """How many there may be at a time."""
        self._limit = limit

    def take(self, spec: ContainerSpec, environment: Mapping[str, str]) -> Preloaded | None:
        """The process to fork this container from, or None where it has to start anew.

        One is made for a container that needs the imports, which waits for them; others take what is there.
        """
        modules = _modules(spec) if self._limit and sys.platform.startswith("linux") else []
        if not modules:
            return None
        shared = {
            name: value
            for name, value in environment.items()
            if name not in _OWN and not name.startswith(_OWN_PREFIXES)
        }
        key = (str(spec.image.python), tuple(sorted(shared.items())))
        with self._lock:
            self._end_idle()
            if key not in self._found and not spec.needs_imports:
                return None
            if key not in self._found:
                self._make_room()
                self._found[key] = Preloaded(spec.image.python, shared, modules, self._clock)
            process = self._found[key]
            self._await_idle()
        if process is None or not process.ready(_IMPORT_SECONDS if spec.needs_imports else 0):
            return None
        if process.failed:
            with self._lock:
                self._found[key] = None
            return None
        return process

    def close(self) -> None:
        with self._lock:
            self._limit = 0
            self._stop_timer()
            for process in self._found.values():
                if process is not None:
                    process.close()
            self._found.clear()

    def _end_idle(self) -> None:
        for key, process in list(self._found.items()):
            if process is not None and self._clock() - process.used >= _IDLE_SECONDS:
                process.close()
                del self._found[key]

    def _await_idle(self) -> None:
        """Looks again when the next one may be idle, whether or not anybody asks by then."""
        self._stop_timer()
        used = [process.used for process in self._found.values() if process is not None]
        if used:
            self._timer = threading.Timer(max(0.0, min(used) + _IDLE_SECONDS - self._clock()), self._look_again)
            self._timer.daemon = True
            self._timer.start()

    def _look_again(self) -> None:
        with self._lock:
            if self._limit:  # not closed in the meantime
                self._end_idle()
                self._await_idle()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _make_room(self) -> None:
        alive = {key: process for key, process in self._found.items() if process is not None}
        while len(alive) >= self._limit:
            oldest = min(alive, key=lambda key: alive[key].used)
            alive.pop(oldest).close()
            del self._found[oldest]


PRELOADS = Preloads()


class Preloaded:
    """One of them, from its start on. `used`: when it was last asked for."""

    def __init__(
        self, python: Path, environment: Mapping[str, str], modules: list[str], clock: Callable[[], float]
    ) -> None:
        self._clock = clock
        self.used = clock()
        self.failed = False
        self._ready = False
        self._asking = threading.Lock()
        self._line, end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with end:
            self._process = subprocess.Popen(  # noqa: S603
                [python, "-c", _SERVE, isolation.import_root(), str(end.fileno()), ",".join(modules)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[end.fileno()],
                start_new_session=True,
                cwd="/",
                env={**environment, "HOME": "/nonexistent"},
            )

    def ready(self, seconds: float) -> bool:
        """Whether the imports are done, or have failed (`failed`), within so many seconds."""
        if not self._asking.acquire(timeout=seconds):  # somebody else waits
            return False
        try:
            if not self._ready and not self.failed and _readable(self._line, seconds):
                self._ready = self._line.recv(_ANSWER_BYTES) == READY
                self.failed = not self._ready
            return self._ready or self.failed
        finally:
            self._asking.release()

    def fork(self, folder: Path, descriptors: list[int]) -> int:
        """The process id of a launcher with these standard input, output, status and end. Raises OSError."""
        self.used = self._clock()
        with self._asking:
            socket.send_fds(self._line, [os.fsencode(folder)], descriptors)
            answer = self._line.recv(_ANSWER_BYTES)
        if not answer:
            raise OSError("the preloaded process has ended")
        return int(answer)

    def close(self) -> None:
        """Ends it; containers that were forked from it go on."""
        self._line.close()
        self._process.kill()
        self._process.wait()


class ForkedLauncher:
    """A launcher that was forked from a preloaded process, as `subprocess.Popen` has those that were started."""

    def __init__(self, preloaded: Preloaded, folder: Path, status: int) -> None:
        descriptors = [*os.pipe(), *os.pipe(), *os.pipe()]
        stdin, lifeline, output, stdout, ending, end = descriptors
        self.stdin: IO[bytes] = os.fdopen(lifeline, "wb")
        self.stdout: IO[bytes] = os.fdopen(output, "rb", buffering=0)
        self._end = os.fdopen(ending, "rb", buffering=0)
        try:
            self.pid = preloaded.fork(folder, [stdin, stdout, status, end])
        finally:
            for descriptor in (stdin, stdout, end):
                os.close(descriptor)
        self._code: int | None = None
        self._reading = threading.Lock()

    def poll(self) -> int | None:
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, -9 where it was killed. Raises subprocess.TimeoutExpired."""
        if self._code is None:
            if not _readable(self._end, timeout):
                raise subprocess.TimeoutExpired("launcher", timeout or 0)
            with self._reading:
                if self._code is None:
                    told = self._end.read(_ANSWER_BYTES)
                    self._code = int(told) if told else -signal.SIGKILL
        return self._code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _readable(file: Any, seconds: float | None) -> bool:
    waiting = select.poll()
    waiting.register(file, select.POLLIN)
    return bool(waiting.poll(None if seconds is None else max(0, seconds) * 1000))


def _modules(spec: ContainerSpec) -> list[str]:
    """What the image has of the slow ones."""
    folders = list(spec.image.python.parent.parent.glob("lib/python3*/site-packages"))
    return [name for name in _MODULES if any((folder / name).is_dir() for folder in folders)]
