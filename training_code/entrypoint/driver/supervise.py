"""The running script: SIGTERM and SIGINT are forwarded, its standard error is passed on and its end kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import BinaryIO

KEPT_BYTES = 64 * 1024
_DRAIN_SECONDS = 2.0  # a grandchild may hold standard error open after the script has ended

# ONNX Runtime, from 1.29 on, sends what it is used for to its maker unless it is told before it is imported.
_QUIET = {"ORT_DISABLE_TELEMETRY": "1"}


@dataclass(frozen=True)
class Ending:
    """How the script ended.

    Attributes:
        returncode: as subprocess has it: negative for a signal.
        stopped: SIGTERM or SIGINT had been forwarded to it.
        stderr: the last KEPT_BYTES of its standard error.
    """

    returncode: int
    stopped: bool
    stderr: str

    @property
    def exit_code(self) -> int:
        """As a shell has it: 128 + n for signal n."""
        return self.returncode if self.returncode >= 0 else 128 - self.returncode


def run(command: Sequence[str], *, folder: Path, variables: Mapping[str, str]) -> Ending:
    """Starts the script and waits for it. Only from the main thread, because signals arrive there."""
    requested: list[int] = []
    process: subprocess.Popen[bytes] | None = None

    def forward(number: int, frame: FrameType | None) -> None:
        requested.append(number)
        if process is not None:
            process.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, forward)
    environment = {**_QUIET, **os.environ, **variables}
    process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE)  # noqa: S603
    if requested:  # it arrived while the script was being started
        process.send_signal(requested[-1])
    assert process.stderr is not None  # noqa: S101
    kept = bytearray()
    reader = threading.Thread(target=_pass_on, args=(process.stderr, kept), daemon=True)
    reader.start()
    returncode = process.wait()
    reader.join(_DRAIN_SECONDS)
    return Ending(returncode, bool(requested), bytes(kept).decode("utf-8", errors="replace"))


def _pass_on(stream: BinaryIO, kept: bytearray) -> None:
    while chunk := os.read(stream.fileno(), 1 << 16):
        sys.stderr.buffer.write(chunk)
        sys.stderr.buffer.flush()
        kept += chunk
        del kept[:-KEPT_BYTES]
