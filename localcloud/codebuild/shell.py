"""One shell that runs a build's commands, one after another, as CodeBuild does: variables and folder carry over."""

from __future__ import annotations

import os
import queue
import re
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

# Reads the names of command files; ends each command's output with a line of its own.
_LOOP = """while IFS= read -r command_file; do . "$command_file" </dev/null; echo "{mark} $?"; done"""
_ENCODING = {"encoding": "utf-8", "errors": "replace"}


class OutOfTime(Exception):
    """A command was still running at the deadline."""


class Stopped(Exception):
    """Somebody else has ended the shell."""


class Shell:
    """A running shell; end it with `close`.

    Args:
        program: `bash` or `sh`.
        folder: where command files are written.
        on_line: takes each line of output.
    """

    def __init__(
        self,
        program: str,
        *,
        folder: Path,
        workdir: Path,
        environment: Mapping[str, str],
        on_line: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._on_line = on_line
        self._mark = secrets.token_hex(16)
        self._count = 0
        self._stopped = False
        self._process = subprocess.Popen(  # noqa: S603
            ["/usr/bin/env", program, "-c", _LOOP.format(mark=self._mark)],
            cwd=workdir,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **_ENCODING,
        )
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="build-output", daemon=True).start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def run(self, command: str, *, seconds: float) -> int:
        """The command's exit status; that of the shell, when the command ends it. Raises OutOfTime, Stopped."""
        self._count += 1
        path = self._folder / f"command-{self._count}-{self._mark[:8]}"
        path.write_text(command + "\n", encoding="utf-8")
        assert self._process.stdin is not None  # noqa: S101  (it is a pipe)
        try:
            self._process.stdin.write(f"{path}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return self._exit_status()
        return self._wait(seconds)

    def stop(self) -> None:
        """From any thread: kill everything; the running command raises Stopped."""
        self._stopped = True
        self._kill()

    def close(self) -> None:
        self._kill()
        self._process.wait()

    def _wait(self, seconds: float) -> int:
        end = re.compile(rf"(.*){self._mark} (\d+)")
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                self._kill()
                raise OutOfTime from None
            if line is None:
                return self._exit_status()
            found = end.fullmatch(line)
            if not found:
                self._on_line(line)
                continue
            if found[1]:
                self._on_line(found[1])
            return int(found[2])

    def _exit_status(self) -> int:
        status = self._process.wait()
        if self._stopped:
            raise Stopped
        return status if status >= 0 else 128 - status

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  (it is a pipe)
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\r\n"))
        self._lines.put(None)

    def _kill(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
