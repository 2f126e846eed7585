"""What a function wrote in an invocation, taken without waiting for more.

ministack cannot know when a process's standard error has been read to the end: after each answer it waits until nothing
has come for 5 ms, and 50 ms where nothing comes at all. Here a line of our own goes into the same pipe after the
answer, and everything before it is the invocation's.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import queue
import secrets
import threading
from collections.abc import Callable
from typing import IO, Any

_LOOK_SECONDS = 0.05  # how soon it is seen that the reader of the pipe has ended, as it does at text that is not UTF-8


def register() -> None:
    """Replace how ministack collects what an answered invocation has written."""
    worker = importlib.import_module("ministack.core.lambda_runtime").Worker
    original: Callable[..., str] = worker._drain_stderr_bounded

    def drain(self: Any, **waits: float) -> str:
        stderr = self._proc.stderr if self._proc is not None else None
        marker = secrets.token_hex(16)
        if stderr is None or not _append(stderr, f"{marker}\n".encode()):
            return original(self, **waits)
        return "\n".join(_until(marker, self._stderr_queue, self._stderr_thread))

    worker._drain_stderr_bounded = drain


def _append(pipe: IO[Any], line: bytes) -> bool:
    """Writes to a pipe of which this process has the reading end; False where that cannot be done."""
    with contextlib.suppress(OSError, ValueError):  # not Linux; full; closed
        descriptor = os.open(f"/proc/self/fd/{pipe.fileno()}", os.O_WRONLY | os.O_NONBLOCK)
        try:
            return os.write(descriptor, line) == len(line)
        finally:
            os.close(descriptor)
    return False


def _until(marker: str, lines: queue.Queue[str], reader: threading.Thread) -> list[str]:
    """The lines before the marker, which may follow one without a line end."""
    found: list[str] = []
    while True:
        try:
            line = lines.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            if not reader.is_alive():
                return found
            continue
        if line.endswith(marker):
            rest = line.removesuffix(marker)
            return [*found, rest] if rest else found
        found.append(line)
