"""Processes that are copies of this one."""

from __future__ import annotations

import os
import re
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

_TASKS = Path("/proc/self/task")
_OPEN_FILES = Path("/proc/self/fd")
_NVIDIA_DEVICE = re.compile(r"/dev/nvidia\d+")


_ENDING = {signal.SIGTERM, signal.SIGINT}


class ForkedProcess:
    """Runs `function` in a copy of this process, with what it returns as exit code. SIGTERM and SIGINT end it at once
    (exit code 0) until it handles them itself. Raises OSError where the machine has no room for another process.
    """

    def __init__(self, function: Callable[[], int]) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)  # or one that comes now would be this process's to the copy
        try:
            self.pid = os.fork()
            if self.pid == 0:
                _run(function)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)

    def ended(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)


def _run(function: Callable[[], int]) -> None:
    """Never returns: what the parent would do next, or at its end, is not the copy's to do."""
    code = 1
    try:
        _forget_signals()
        code = function()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(bool(error.code))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _forget_signals() -> None:
    """The copy handles none of them as its parent did."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number in _ENDING:
        signal.signal(number, _exit)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)


def _exit(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def threads_running() -> int:
    """Threads of this process, those of C libraries among them. Where the system does not tell: more than one."""
    return len(list(_TASKS.iterdir())) if _TASKS.is_dir() else 2


def uses_gpu(open_files: Path = _OPEN_FILES) -> bool:
    """Whether this process has opened a device of NVIDIA's driver."""
    if not open_files.is_dir():
        return False
    return any(_NVIDIA_DEVICE.fullmatch(os.readlink(path)) for path in open_files.iterdir() if path.is_symlink())
