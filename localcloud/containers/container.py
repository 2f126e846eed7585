"""The owner's side of one container."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

from localcloud.containers import isolation
from localcloud.containers.forking import STARTER, ForkedLauncher
from localcloud.containers.lines import LineFramer
from localcloud.containers.preloading import PRELOADS
from localcloud.containers.spec import ContainerSpec, launch_request

log = logging.getLogger(__name__)

_LAUNCH = (
    "import sys; sys.path.append(sys.argv[1]); from localcloud.containers import launcher;"
    " launcher.main(int(sys.argv[2]))"
)
_LAST_OUTPUT_SECONDS = 5.0
_KILL_SECONDS = 2.0


class ContainerStartError(Exception):
    """The container's program could not be started; the message says what was missing."""


class Container:
    """A running container. Its processes die with it, and all of them die when this process does, however it dies.

    Args:
        spec: what to run.
        on_line: called for every line of standard output and error, from one thread, in order.
        namespaces: what `isolation.detect` found.

    Raises:
        ContainerStartError: no process was left behind.
    """

    def __init__(self, spec: ContainerSpec, *, on_line: Callable[[str], None], namespaces: str | None) -> None:
        self.spec = spec
        self.namespaces = namespaces
        self._on_line = on_line
        if self.namespaces is None:
            on_line(isolation.WITHOUT_NAMESPACES)
        self._process = self._launch(launch_request(spec, self.namespaces))
        self._reader = threading.Thread(target=self._read, name=f"output-{spec.hostname}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Process id of the launcher."""
        return self._process.pid

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code (128 + n when signal n ended it), every line delivered; None when `timeout` seconds went by."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        # Without namespaces a process that left its group may still hold the pipe: do not wait for that one.
        self._reader.join(_LAST_OUTPUT_SECONDS if self.namespaces is None else None)
        self._release()
        return code if code >= 0 else 128 - code

    def terminate(self) -> None:
        """Sends SIGTERM to the program; does not wait."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends every process of the container at once."""
        self._release()
        try:
            self._process.wait(_KILL_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def stop(self, grace_seconds: float) -> int:
        """SIGTERM, then after `grace_seconds` the end of every process; returns the exit code."""
        self.terminate()
        code = self.wait(grace_seconds)
        if code is None:
            self.kill()
            code = self.wait()
        assert code is not None  # noqa: S101  (wait without a timeout)
        return code

    def _launch(self, request: dict) -> subprocess.Popen | ForkedLauncher:
        reading, writing = os.pipe()
        try:
            process = self._fork_launcher(request, writing) or self._start_launcher(writing)
        finally:
            os.close(writing)
        with open(reading, "rb") as status:
            with contextlib.suppress(BrokenPipeError):  # the launcher is gone; its status says why
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
            message = status.read().decode(errors="replace")
        if not message:
            return process
        with process.stdin, process.stdout:
            process.stdout.read()
            process.wait()
        raise ContainerStartError(message)

    def _start_launcher(self, status: int) -> subprocess.Popen | ForkedLauncher:
        return STARTER.launcher(self.spec.folder, status) or subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", "-c", _LAUNCH, isolation.import_root(), str(status)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[status],
            start_new_session=True,
            cwd=self.spec.folder,
            env={},
        )

    def _fork_launcher(self, request: dict, status: int) -> ForkedLauncher | None:
        """From a process that has imported the image's packages, where there is one."""
        preloaded = PRELOADS.take(self.spec, request["environment"])
        if preloaded is None:
            return None
        try:
            return ForkedLauncher(preloaded, self.spec.folder, status)
        except OSError as error:
            log.warning("%s starts anew: %s", self.spec.image.uri, error)
            return None

    def _read(self) -> None:
        framer = LineFramer()
        with self._process.stdout as output:
            while chunk := os.read(output.fileno(), 65536):
                for line in framer.feed(chunk):
                    self._on_line(line)
        for line in framer.finish():
            self._on_line(line)

    def _release(self) -> None:
        """Closes the lifeline: the launcher kills what is left and ends."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
