"""Programs that we start."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from cli import programs
from cli.errors import CommandFailed


@pytest.fixture(autouse=True)
def logs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(programs, "ROOT", tmp_path)
    monkeypatch.setattr(programs, "LOGS", tmp_path / "logs")
    return tmp_path / "logs"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_output_is_returned_shown_and_kept(logs: Path) -> None:
    seen: list[str] = []
    code = "import sys; print('one', flush=True); print('two', file=sys.stderr)"
    lines = programs.run(python(code), name="some", environment=os.environ, on_line=seen.append)
    assert lines == seen == ["one", "two"]
    assert (logs / "some.log").read_text() == "one\ntwo\n"


def test_a_failure_shows_the_lines_that_name_it_and_the_log() -> None:
    code = "print('chatter'); print('Resource handler: Error: no such role'); print('bye'); raise SystemExit(3)"
    with pytest.raises(CommandFailed) as raised:
        programs.run(python(code), name="some", environment=os.environ)
    assert raised.value.message == "some failed with exit code 3:\n  Resource handler: Error: no such role"
    assert "logs/some.log" in raised.value.hint


def test_a_resource_that_cdk_lists_as_failed_twice_is_shown_once() -> None:
    rest = "10:06:53 AM | CREATE_FAILED | AWS::S3::Bucket | Data (Data1) BucketAlreadyExists: data"
    lines = ["slipway-dev-platform | 3/9 | 10:06:52 AM | CREATE_COMPLETE | AWS::KMS::Key | Key"]
    lines += [f"slipway-dev-platform | 18/57 | {rest}", f"slipway-dev-platform | {rest}"]
    assert programs.relevant(lines) == "  Data (Data1) BucketAlreadyExists: data"


def test_of_a_python_exception_the_message_is_shown_and_not_the_stack() -> None:
    lines = ["Bundling", "Traceback (most recent call last):", '  File "app.py", line 3, in <module>', "    build()"]
    message = ["infra.ManifestError: workload.yaml: gate.goal: 'maximise'", "  allowed: maximize, minimize"]
    ending = "python3 app.py && python -c '...' /tmp/gate: Subprocess exited with error 1"
    assert programs.relevant([*lines, *message, ending]).splitlines() == [f"  {line}" for line in message]


@pytest.mark.parametrize("stack", [["Traceback (most recent call last):", '  File "a.py", line 3, in <module>'], []])
def test_a_syntax_error_is_shown_with_its_file_and_line(stack: list[str]) -> None:
    told = ['  File "idx.py", line 93', "    x = (", "        ^", "SyntaxError: '(' was never closed"]
    shown = programs.relevant(["collecting", *stack, *told])
    assert 'File "idx.py", line 93' in shown
    assert "SyntaxError: '(' was never closed" in shown
    assert "a.py" not in shown


def test_without_a_telling_line_the_last_ones_are_shown() -> None:
    lines = [f"line {number}" for number in range(100)]
    assert programs.relevant(lines).splitlines()[-1] == "  line 99"
    assert len(programs.relevant(lines).splitlines()) == programs.SHOWN_LINES


def test_a_background_program_is_waited_for_and_its_failure_told() -> None:
    with programs.Background(python("print('done')"), name="good", environment=os.environ) as program:
        program.finish()
    bad = programs.Background(python("print('went wrong'); raise SystemExit(1)"), name="bad", environment=os.environ)
    with bad as program, pytest.raises(CommandFailed, match="went wrong"):
        program.finish()


def test_a_background_program_and_its_children_do_not_outlive_the_block(logs: Path) -> None:
    sleeper = "[sys.executable, '-c', 'import time; time.sleep(60)']"
    code = f"import subprocess, sys; child = subprocess.Popen({sleeper}); print(child.pid, flush=True); child.wait()"
    with programs.Background(python(code), name="slow", environment=os.environ):
        child = _await_pid(logs / "slow.log")
    assert _await_gone(child)


def test_uv_is_told_of_the_wheel_folders_that_pip_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_FIND_LINKS", "first second")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    environment = programs.uv_environment()
    assert environment["UV_FIND_LINKS"] == "first,second"
    assert "PYTHONDONTWRITEBYTECODE" not in environment
    monkeypatch.setenv("UV_FIND_LINKS", "own")
    assert programs.uv_environment()["UV_FIND_LINKS"] == "own"


def _await_pid(path: Path) -> int:
    for _ in range(200):
        if path.read_text().strip():
            return int(path.read_text())
        time.sleep(0.05)
    raise AssertionError("the program printed nothing")


def _await_gone(pid: int) -> bool:
    for _ in range(200):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_what_is_done_beside_a_program_is_done_while_it_runs(tmp_path: Path) -> None:
    go = tmp_path / "go"
    code = f"import pathlib, time; print('waits')\nwhile not pathlib.Path({str(go)!r}).exists(): time.sleep(0.01)"
    lines = programs.run(python(code), name="some", environment=os.environ, beside=go.touch)
    assert lines == ["waits"]


def test_a_program_does_not_outlive_what_fails_beside_it() -> None:
    def fail() -> None:
        raise OSError("no such account")

    started = time.monotonic()
    with pytest.raises(OSError, match="no such account"):
        programs.run(python("import time; time.sleep(300)"), name="some", environment=os.environ, beside=fail)
    assert time.monotonic() - started < 60
