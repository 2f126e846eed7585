"""Waits for one child, as an init process does: forwards termination, reaps orphans, dies with the owner."""

import os
import select
import signal

FORWARDED = (signal.SIGTERM, signal.SIGINT)


def prepare_signals() -> int:
    """Routes SIGCHLD and the forwarded signals to a pipe; returns its reading end. Call before the child is forked."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, *FORWARDED):
        signal.signal(number, lambda *_: None)
    return reading


def restore_signals() -> None:
    """Gives the user's process the dispositions a fresh container has (Python itself ignores SIGPIPE)."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ, *FORWARDED):
        signal.signal(number, signal.SIG_DFL)


def supervise(child: int, signals: int, *, lifeline: int | None = None, group: bool = False) -> int:
    """Waits for `child` and returns its exit code, 128 + n when signal n ended it (the shells' and Docker's rule).

    Args:
        signals: reading end that `prepare_signals` returned.
        lifeline: pipe whose other end the owner holds; when the owner is gone, the child is killed.
        group: the child leads a process group, and what is left of the group is killed with it.
    """
    watched = [signals] if lifeline is None else [signals, lifeline]
    while True:
        status = _reap(child)
        if status is not None:
            _kill(child, group=group, ended=True)
            return status if status >= 0 else 128 - status
        ready = select.select(watched, [], [])[0]
        if lifeline in ready and not os.read(lifeline, 4096):
            _kill(child, group=group, ended=False)
            watched = [signals]
        if signals in ready:
            _forward(os.read(signals, 512), child)


def _reap(child: int) -> int | None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if pid == child:
            return os.waitstatus_to_exitcode(status)
        if pid == 0:
            return None


def _forward(numbers: bytes, child: int) -> None:
    for number in numbers:
        if number in FORWARDED:
            os.kill(child, number)


def _kill(child: int, *, group: bool, ended: bool) -> None:
    try:
        if group:
            os.killpg(child, signal.SIGKILL)
        elif not ended:
            os.kill(child, signal.SIGKILL)
    except ProcessLookupError:
        return
