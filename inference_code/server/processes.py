"""Processes that are copies of this one."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

_TASKS = Path("/proc/self/task")


class ForkedProcess:
    """Runs `function` in a copy of this process, with what it returns as exit code."""

    def __init__(self, function: Callable[[], int]) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _run(function)

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
        code = function()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(bool(error.code))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def threads_running() -> int:
    """Threads of this process, those of C libraries among them. Where the system does not tell: more than one."""
    return len(list(_TASKS.iterdir())) if _TASKS.is_dir() else 2
