"""Process identity, and the guardian that ends every descendant of a server that died."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_KILL_AFTER_SECONDS = 3.0


def start_time(pid: int) -> str | None:
    """When the process started, in the system's own notation, or None when there is none.

    Together with the pid it identifies a process: a pid alone may have been given to another one since.
    """
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            # The second field is the command in parentheses, which may contain blanks.
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] == "Z" else fields[19]
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607
    return shown.stdout.strip() or None


def under_guardian(listener: socket.socket) -> int | None:
    """Fork. Returns None in the child, which is to be the server, and its exit status in the guardian.

    The listener is the server's alone: its port is free again when the server has died.

    Where the system has it, the guardian is the *subreaper* of the server: whatever the server started, in whatever
    session or process group, becomes the guardian's child when the server dies, and is ended then. A guardian that
    dies first takes the server with it (SIGTERM). What was handed over to it is then handed to its own guardian, if
    it has one: called again in the child, this makes it the guardian in the middle.
    """
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    guardian = os.getpid()
    server = os.fork()
    if server == 0:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != guardian:
            os._exit(1)
        os.setpgid(0, 0)
        return None
    listener.close()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, _frame: _signal(server, signum))
    status = _wait(server)
    _end_children(server)
    return os.waitstatus_to_exitcode(status)


def _wait(pid: int) -> int:
    """Wait for the server, collecting whatever else is handed over meanwhile."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == pid:
            return status


def _end_children(server_group: int) -> None:
    """End all children: asked first, then killed; those they leave behind become children in turn."""
    deadline = time.monotonic() + _KILL_AFTER_SECONDS
    signum = signal.SIGTERM
    while _children_left(server_group, signum):
        time.sleep(0.02)
        if time.monotonic() > deadline:
            signum = signal.SIGKILL


def _children_left(server_group: int, signum: int) -> bool:
    children = _children()
    if children is None:  # no /proc: the server's process group is the best there is
        return _signal(-server_group, signum)
    for child in children:
        _signal(child, signum)
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _children() -> list[int] | None:
    if not Path("/proc/self/task").exists():
        return None
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == os.getpid():
            found.append(int(stat.parent.name))
    return found


def _signal(pid: int, signum: int) -> bool:
    try:
        os.kill(pid, signum)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
