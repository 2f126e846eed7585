"""What a process tells about itself, and copies of it."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from server.processes.forking import ForkedProcess, threads_running, uses_gpu


def ended(process: ForkedProcess) -> int:
    deadline = time.monotonic() + 30
    while (code := process.ended()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return code


def leave() -> int:
    raise SystemExit("no")


def fail() -> int:
    raise RuntimeError("no")


@pytest.mark.parametrize(("function", "code"), [(lambda: 3, 3), (leave, 1), (fail, 1), (lambda: 0, 0)])
def test_a_copy_ends_with_what_its_function_returned(function, code):
    assert ended(ForkedProcess(function)) == code


def test_a_copy_that_handles_no_signals_ends_by_them_whenever_they_come():
    for _ in range(20):
        process = ForkedProcess(lambda: time.sleep(60) or 9)
        process.signal(signal.SIGTERM)  # it may not have begun yet
        assert ended(process) == 0


def test_a_copy_that_was_killed_says_by_what():
    process = ForkedProcess(lambda: time.sleep(60) or 9)
    process.signal(signal.SIGKILL)
    assert ended(process) == -signal.SIGKILL


def test_where_no_copy_can_be_made_signals_still_come(monkeypatch):
    def full() -> int:
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(os, "fork", full)
    with pytest.raises(OSError, match="no more processes"):
        ForkedProcess(lambda: 0)
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, []) & {signal.SIGTERM, signal.SIGINT}


def test_threads_are_counted():
    before, done = threads_running(), threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    assert threads_running() == before + 1
    done.set()
    thread.join()


@pytest.mark.parametrize(
    ("files", "used"),
    [(["/dev/null", "/dev/nvidiactl"], False), (["/dev/nvidiactl", "/dev/nvidia0"], True), ([], False)],
)
def test_a_gpu_is_used_where_its_device_is_open(tmp_path, files, used):
    for number, file in enumerate(files):
        os.symlink(file, tmp_path / str(number))
    assert uses_gpu(tmp_path) is used
