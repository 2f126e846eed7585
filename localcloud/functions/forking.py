"""The cloud's side of template.py: one process to fork from, and what is forked of it."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

from localcloud.containers import isolation
from localcloud.functions.template import LARGEST_REQUEST, NO, READY

_SERVE = (
    "import sys; sys.path.append(sys.argv[1]); from localcloud.functions import template;"
    " template.main(int(sys.argv[2]))"
)
_ANSWER_BYTES = 64
_ANSWER_SECONDS = 60.0
_ENDED = -1


class ForkedFunctions:
    """Starts functions' processes; from any thread. The first call starts the process that they are forked from."""

    def __init__(self) -> None:
        self._template: _Template | None = None
        self._expected: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
        self._usable = sys.platform.startswith("linux")
        self._lock = threading.Lock()

    def expect(self, services: Iterable[str]) -> None:
        """Functions will call these services soon (named as in IAM's actions). Returns at once."""
        self._expected.put(sorted(services))
        threading.Thread(target=self._ask, args=(lambda template: None,), daemon=True).start()

    def start(self, argv: Sequence[str], folder: str, environment: Mapping[str, str]) -> ForkedProcess | None:
        """`argv`, a Python script and its arguments, in this folder; None where it has to start anew."""
        request = {"argv": list(argv), "folder": folder, "environment": dict(environment)}
        if len(json.dumps(request)) > LARGEST_REQUEST:
            return None
        return self._ask(lambda template: template.fork(request))

    def close(self) -> None:
        """Ends the process; those that were forked from it go on."""
        with self._lock:
            self._usable = False
            if self._template:
                self._template.close()
                self._template = None

    def _ask(self, question: Any) -> Any:
        """None where the process has ended; if it ended before it was ready, there will be no other."""
        with self._lock:
            if not self._usable:
                return None
            self._template = template = self._template or _Template()
            try:
                while not self._expected.empty():
                    template.tell({"services": self._expected.get()})
                return question(template)
            except OSError:
                template.close()
                self._template, self._usable = None, template.ready
                return None


class _Template:
    def __init__(self) -> None:
        self.ready = False
        self._line, end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line.settimeout(_ANSWER_SECONDS)
        with end:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-c", _SERVE, isolation.import_root(), str(end.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[end.fileno()],
                cwd="/",
            )

    def tell(self, request: Mapping[str, Any]) -> None:
        self._line.sendall(json.dumps(request).encode())

    def fork(self, request: Mapping[str, Any]) -> ForkedProcess | None:
        """None where it cannot be forked. Raises OSError where the template has ended."""
        self.ready = self.ready or self._line.recv(_ANSWER_BYTES) == READY
        if not self.ready:
            raise ConnectionResetError("it could not start")
        stdin, output, errors = (os.pipe() for _ in range(3))
        theirs, ours = (stdin[0], output[1], errors[1]), (stdin[1], output[0], errors[0])
        try:
            socket.send_fds(self._line, [json.dumps(request).encode()], theirs)
            answer, found, _, _ = socket.recv_fds(self._line, _ANSWER_BYTES, 1)
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        streams = [os.fdopen(descriptor, mode, buffering=1) for descriptor, mode in zip(ours, "wrr", strict=True)]
        if found:
            return ForkedProcess(int(answer), found[0], *streams)
        for stream in streams:
            stream.close()
        if answer != NO:
            raise ConnectionResetError("it has ended")
        return None

    def close(self) -> None:
        self._line.close()
        self._process.kill()
        self._process.wait()


class ForkedProcess:
    """As much of `subprocess.Popen`, for text, as a function's process needs. Its exit code is not known."""

    def __init__(self, pid: int, descriptor: int, stdin: IO[str], stdout: IO[str], stderr: IO[str]) -> None:
        self.pid = pid
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self._process = os.fdopen(descriptor, "rb", buffering=0)

    def poll(self) -> int | None:
        """None as long as it runs."""
        return _ENDED if self._ends_within(0) else None

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        if not self._ends_within(timeout):
            raise subprocess.TimeoutExpired("a function's process", timeout or 0)
        return _ENDED

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._process.fileno(), number)

    def _ends_within(self, seconds: float | None) -> bool:
        waiting = select.poll()
        waiting.register(self._process, select.POLLIN)
        return bool(waiting.poll(None if seconds is None else max(0, seconds) * 1000))
