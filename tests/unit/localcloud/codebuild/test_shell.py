import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from localcloud.codebuild.shell import OutOfTime, Shell, Stopped


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def start(tmp_path: Path, lines: list[str]) -> Iterator[Callable[[str], Shell]]:
    with ExitStack() as stack:

        def make(program: str) -> Shell:
            environment = {"PATH": os.environ["PATH"]}
            shell = Shell(program, folder=tmp_path, workdir=tmp_path, environment=environment, on_line=lines.append)
            stack.callback(shell.close)
            return shell

        yield make


@pytest.mark.parametrize("program", ["sh", "bash"])
def test_variables_and_folder_carry_over_from_command_to_command(program: str, start, lines, tmp_path: Path) -> None:
    shell = start(program)
    assert shell.run("mkdir deep; cd deep; FOUND=1", seconds=30) == 0
    assert shell.run('echo "$FOUND $(pwd)"; echo problem >&2', seconds=30) == 0
    assert lines == [f"1 {tmp_path.resolve()}/deep", "problem"]


@pytest.mark.parametrize("program", ["sh", "bash"])
def test_a_status_is_the_commands(program: str, start) -> None:
    shell = start(program)
    assert shell.run("(exit 7)", seconds=30) == 7
    assert shell.run("true", seconds=30) == 0


def test_output_without_an_end_of_line_is_kept(start, lines) -> None:
    assert start("sh").run("printf half", seconds=30) == 0
    assert lines == ["half"]


def test_a_command_cannot_read_the_commands_to_come(start, lines) -> None:
    shell = start("sh")
    shell.run("cat", seconds=30)
    assert shell.run("echo still here", seconds=30) == 0
    assert lines == ["still here"]


def test_a_command_that_ends_the_shell_gives_its_status(start, lines) -> None:
    shell = start("sh")
    assert shell.run("echo last; exit 3", seconds=30) == 3
    assert not shell.alive and lines == ["last"]


def test_at_the_deadline_everything_is_killed(start, tmp_path: Path) -> None:
    shell = start("sh")
    with pytest.raises(OutOfTime):
        shell.run("sleep 600 & echo $! > pid; wait", seconds=0.5)
    assert not _runs(int((tmp_path / "pid").read_text()))


def test_stop_ends_the_running_command(start) -> None:
    shell = start("sh")
    threading.Timer(0.2, shell.stop).start()
    with pytest.raises(Stopped):
        shell.run("sleep 600", seconds=60)


def _runs(pid: int) -> bool:
    """Whether the process still does something; one that waits to be collected does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")
