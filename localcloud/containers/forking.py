"""The owner's side of a preloaded process (preloaded.py), and of what is forked from it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from localcloud.containers import isolation
from localcloud.containers.preloaded import LAUNCHER, NETWORK, READY

_SERVE = (
    "import sys; sys.path.append(sys.argv[1]); from localcloud.containers import preloaded;"
    " preloaded.main(int(sys.argv[2]), sys.argv[3], sys.argv[4])"
)
_ANSWER_BYTES = 64
_START_SECONDS = 30.0
_LOWEST_PRIORITY = 19


class Preloaded:
    """One of them, from its start on. `used`: when it was last asked for.

    Args:
        slow: see preloaded.py.
        spare: it imports with what the others leave of the processor, until somebody asks for it.
        options: of the interpreter.
    """

    def __init__(
        self,
        python: Path,
        environment: Mapping[str, str],
        modules: list[str],
        clock: Callable[[], float],
        *,
        slow: bool = False,
        spare: bool = False,
        options: Sequence[str] = (),
    ) -> None:
        self._clock = clock
        self.used = clock()
        self.failed = False
        self._ready = False
        self._asking = threading.Lock()
        self._line, end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with end:
            arguments = [isolation.import_root(), str(end.fileno()), ",".join(modules), "slow" if slow else ""]
            self._process = subprocess.Popen(  # noqa: S603
                [python, *options, "-c", _SERVE, *arguments],
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
        """Whether the imports are done, or have failed (`failed`), within so many seconds; not where it is closed."""
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
        except (OSError, ValueError):  # closed, by somebody who needs its place
            return False
        finally:
            self._asking.release()

    @property
    def was_killed(self) -> bool:
        """It served, and does not any more."""
        return self._ready and self._process.poll() is not None

    def fork(self, request: bytes, descriptors: list[int]) -> int:
        """The process id of what it forks (see preloaded.py). Raises OSError."""
        self.used = self._clock()
        with self._asking:
            socket.send_fds(self._line, [request], descriptors)
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
    """A launcher that was forked from a process, as `subprocess.Popen` has those that were started."""

    def __init__(self, preloaded: Preloaded, folder: Path, status: int) -> None:
        self.origin = preloaded
        descriptors = [*os.pipe(), *os.pipe(), *os.pipe()]
        stdin, lifeline, output, stdout, ending, end = descriptors
        self.stdin: IO[bytes] = os.fdopen(lifeline, "wb")
        self.stdout: IO[bytes] = os.fdopen(output, "rb", buffering=0)
        self._end = os.fdopen(ending, "rb", buffering=0)
        try:
            self.pid = preloaded.fork(LAUNCHER + os.fsencode(folder), [stdin, stdout, status, end])
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


class ForkedHolder:
    """The holder of a network that was forked, as `subprocess.Popen` has those that were started."""

    def __init__(self, preloaded: Preloaded, namespaces: str, line: socket.socket) -> None:
        output, stdout = os.pipe()
        self.stdout: IO[bytes] = os.fdopen(output, "rb")
        try:
            self.pid = preloaded.fork(NETWORK + namespaces.encode(), [line.fileno(), stdout])
        finally:
            os.close(stdout)

    def wait(self) -> None:
        """It writes nothing more once it holds the network."""
        self.stdout.read()


class Starter:
    """The process that launchers and holders are forked from where no image's packages are wanted: to start each of
    them anew would cost more than all that they do. From any thread; the first call starts it.
    """

    def __init__(self) -> None:
        self._process: Preloaded | None = None
        self._lock = threading.Lock()

    def launcher(self, folder: Path, status: int) -> ForkedLauncher | None:
        """None where it has to be started."""
        return self._ask(lambda process: ForkedLauncher(process, folder, status))

    def holder(self, namespaces: str, line: socket.socket) -> ForkedHolder | None:
        """None where it has to be started."""
        return self._ask(lambda process: ForkedHolder(process, namespaces, line))

    def _ask(self, fork: Callable[[Preloaded], Any]) -> Any:
        if not sys.platform.startswith("linux"):
            return None
        with self._lock:
            self._process = process = self._process or _plain()
            try:
                return fork(process) if process.ready(_START_SECONDS) and not process.failed else None
            except OSError:  # it was killed; there will be another
                process.close()
                self._process = None
                return None


STARTER = Starter()


def _plain() -> Preloaded:
    return Preloaded(Path(sys.executable), {}, [], time.monotonic, options=("-I", "-S"))


def _readable(file: Any, seconds: float | None) -> bool:
    waiting = select.poll()
    waiting.register(file, select.POLLIN)
    return bool(waiting.poll(None if seconds is None else max(0, seconds) * 1000))
