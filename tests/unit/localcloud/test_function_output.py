"""An invocation's output is what the process wrote before it answered, all of it, and nothing is waited for."""

import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from types import ModuleType

import pytest

from localcloud.gateway import function_output

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="opens the pipe again through /proc")

WRITER = """
import sys
for line in sys.stdin:
    sys.stderr.write(eval(line))
    sys.stderr.flush()
    print("answered", flush=True)
"""


class Worker:
    """Reads its process as ministack's does."""

    def __init__(self) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self._proc = subprocess.Popen([sys.executable, "-c", WRITER], text=True, bufsize=1, **pipes)
        self._stderr_queue: queue.Queue[str] = queue.Queue()
        self._stderr_thread = threading.Thread(target=self._read, daemon=True)
        self._stderr_thread.start()

    def _read(self) -> None:
        for line in self._proc.stderr:
            self._stderr_queue.put(line.rstrip("\n"))

    def write(self, text: str) -> str:
        """What is collected after an invocation that writes this."""
        self._proc.stdin.write(f"{text!r}\n")
        assert self._proc.stdout.readline() == "answered\n"
        return self._drain_stderr_bounded()

    def _drain_stderr_bounded(self, first_line_wait: float = 0.05) -> str:
        return "waited"


@pytest.fixture
def worker(monkeypatch) -> Iterator[Worker]:
    monkeypatch.setattr(Worker, "_drain_stderr_bounded", Worker._drain_stderr_bounded)
    module = ModuleType("ministack.core.lambda_runtime")
    module.Worker = Worker
    monkeypatch.setitem(sys.modules, module.__name__, module)
    function_output.register()
    worker = Worker()
    yield worker
    with worker._proc as process:
        process.kill()


def test_each_invocation_has_its_own_lines_and_no_others(worker):
    many = "".join(f"line {number}\n" for number in range(2000))
    for text in ("one\ntwo\n", "", "no line end", many, "\n", "é\n"):
        assert worker.write(text) == text.removesuffix("\n")


def test_a_reader_that_has_ended_is_not_waited_for(worker):
    worker._proc.kill()
    worker._proc.wait()
    worker._stderr_thread.join()
    assert worker._drain_stderr_bounded() == ""


def test_without_the_pipe_ministack_waits_as_it_does(worker):
    process, worker._proc = worker._proc, None
    assert worker._drain_stderr_bounded(first_line_wait=0.1) == "waited"
    worker._proc = process
