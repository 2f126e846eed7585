"""The owner's side of a preloaded process (preloaded.py), and of the launchers that are forked from it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from localcloud.containers import isolation
from localcloud.containers.preloaded import READY

_SERVE = (
    "import sys; sys.path.append(sys.argv[1]); from localcloud.containers import preloaded;"
    " preloaded.main(int(sys.argv[2]), sys.argv[3])"
)
_ANSWER_BYTES = 64
_LOWEST_PRIORITY = 19


class Preloaded:
    """One of them, from its start on. `used`: when it was last asked for.

    Args:
        spare: it imports with what the others leave of the processor, until somebody asks for it.
    """

    def __init__(
        self,
        python: Path,
        environment: Mapping[str, str],
        modules: list[str],
        clock: Callable[[], float],
        *,
        spare: bool = False,
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
        self._spare = spare
        if spare:
            self._set_priority(_LOWEST_PRIORITY)

    def ready(self, seconds: float) -> bool:
        """Whether the imports are done, or have failed (`failed`), within so many seconds."""
        if self._spare:
            self._spare = False
            self._set_priority(0)
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

    def _set_priority(self, nice: int) -> None:
        """Of its session (sched(7), "The autogroup feature"), because what is forked begins one of its own; a process's
        own priority would be theirs, and could not be taken back. Where the system has none, it stays as it is.
        """
        with contextlib.suppress(OSError):
            Path(f"/proc/{self._process.pid}/autogroup").write_text(str(nice), encoding="ascii")


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
