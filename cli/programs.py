"""Starts other programs, keeps what they print, and shows the part that matters when they fail."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import dropwhile
from pathlib import Path

from cli.errors import CommandFailed

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / "build" / "logs"
SHOWN_LINES = 25
_MARKS = ("❌", "FAILED", "failed:", "Error:", "error:", "Exception")
# Where a syntax error is; a line of a stack goes on with ", in" and a function's name.
_PLACE = re.compile(r'\s*File ".+", line \d+$')


def run(
    arguments: Sequence[str],
    *,
    name: str,
    environment: Mapping[str, str],
    on_line: Callable[[str], None] | None = None,
    beside: Callable[[], None] | None = None,
) -> list[str]:
    """Run a program in the project's folder to its end and return the lines it printed (stdout and stderr together).

    Every line also goes to `build/logs/{name}.log` and to `on_line`. Raises CommandFailed when the exit code is not 0.
    `beside` is called once the program has started; what it raises ends the program.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    log_path = LOGS / f"{name}.log"
    lines: list[str] = []
    with (
        log_path.open("w", encoding="utf-8") as log,
        subprocess.Popen(  # noqa: S603 - the arguments are ours, and no shell reads them
            list(arguments),
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        if beside:
            with _ended_by_errors(process):
                beside()
        for line in process.stdout or ():
            log.write(line)
            lines.append(line.rstrip())
            if on_line:
                on_line(lines[-1])
    if process.returncode != 0:
        raise _failed(name, process.returncode, lines)
    return lines


@contextmanager
def _ended_by_errors(process: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        process.terminate()
        raise


class Background:
    """A program that runs beside us; its output goes to `build/logs/{name}.log`. It does not outlive the block."""

    def __init__(self, arguments: Sequence[str], *, name: str, environment: Mapping[str, str]) -> None:
        self._arguments, self._name, self._environment = list(arguments), name, dict(environment)
        self._log = LOGS / f"{name}.log"

    def __enter__(self) -> Background:
        LOGS.mkdir(parents=True, exist_ok=True)
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the arguments are ours, and no shell reads them
                self._arguments,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)  # and what it started: uv, for one
            self._process.wait()

    def finish(self) -> None:
        """Wait for its end; raises CommandFailed when its exit code is not 0."""
        if self._process.wait() != 0:
            raise _failed(self._name, self._process.returncode, self._log.read_text(errors="replace").splitlines())


def _failed(name: str, code: int, lines: Sequence[str]) -> CommandFailed:
    return CommandFailed(
        f"{name} failed with exit code {code}:\n" + relevant(lines),
        hint=f"Everything it printed: {(LOGS / name).relative_to(ROOT)}.log",
    )


def relevant(lines: Sequence[str]) -> str:
    """The lines that say why: a Python exception without its stack, those that name a failure, or the last ones."""
    telling = (line for line in lines if _PLACE.match(line) or any(mark in line for mark in _MARKS))
    # The same resource fails twice in CDK's list, with and without a count before it: without columns they are one.
    named = list(dict.fromkeys(line.rsplit(" | ", 1)[-1].strip() for line in telling))
    shown = _exception(lines) or named or [line for line in lines if line.strip()]
    return "\n".join(f"  {line}" for line in shown[-SHOWN_LINES:])


def _exception(lines: Sequence[str]) -> list[str]:
    """What follows the stack of the last traceback: the exception with its message, which may take several lines. The
    CDK ends it by the command line of the app, which says nothing to those who did not type it.
    """
    starts = [index for index, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    if not starts:
        return []
    told = dropwhile(lambda line: not _PLACE.match(line) and line[:1].strip() == "", lines[starts[-1] + 1 :])
    return [line for line in told if ": Subprocess exited with error " not in line]


def uv_environment() -> dict[str, str]:
    """The environment for uv, and for programs that call it.

    uv does not read pip's settings; a wheel folder that pip is told of must be told to uv as well (pip separates
    several by blanks, uv by commas), or it fetches again what is there already.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    if environment.get("PIP_FIND_LINKS"):
        environment.setdefault("UV_FIND_LINKS", ",".join(environment["PIP_FIND_LINKS"].split()))
    return environment
