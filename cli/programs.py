"""Starts other programs, keeps what they print, and shows the part that matters when they fail."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cli.errors import CommandFailed

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / "build" / "logs"
SHOWN_LINES = 25


def run(
    arguments: Sequence[str],
    *,
    name: str,
    environment: Mapping[str, str],
    on_line: Callable[[str], None] | None = None,
) -> list[str]:
    """Run a program in the project's folder to its end and return the lines it printed (stdout and stderr together).

    Every line also goes to `build/logs/{name}.log` and to `on_line`. Raises CommandFailed when the exit code is not 0.
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
        for line in process.stdout or ():
            log.write(line)
            lines.append(line.rstrip())
            if on_line:
                on_line(lines[-1])
    if process.returncode != 0:
        raise CommandFailed(
            f"{name} failed with exit code {process.returncode}:\n" + relevant(lines),
            hint=f"Everything it printed: {log_path.relative_to(ROOT)}",
        )
    return lines


def relevant(lines: Sequence[str]) -> str:
    """The lines that say why: those that name a failure, first seen first, or the last ones when none does."""
    marks = ("❌", "FAILED", "failed:", "Error:", "error:", "Exception")
    named = list(dict.fromkeys(line.strip() for line in lines if any(mark in line for mark in marks)))
    return "\n".join(f"  {line}" for line in (named or [line for line in lines if line.strip()])[-SHOWN_LINES:])
