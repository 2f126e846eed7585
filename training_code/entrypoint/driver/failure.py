"""How the script ended -> the text of /opt/ml/output/failure, whose first 1,024 characters become FailureReason.

Source: "How Amazon SageMaker AI signals algorithm success and failure"
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-signal-success-failure.html
"""

from __future__ import annotations

import re
import signal
from pathlib import Path

from driver.supervise import Ending

# SageMaker adds a prefix and the exit code to the text and cuts the sum at 1,024 characters.
MAX_TEXT = 960
_MAX_FIRST_LINE = 600
_MAX_LAST_LINES = 12
_RANK = re.compile(r"^\[rank\d+\]: ?")
# The last line of a traceback: a dotted name that starts the line, alone or with a message.
_EXCEPTION = re.compile(r"^(?P<path>(?:\w+\.)*)(?P<name>[A-Za-z_]\w*)(?P<message>: .*|:)?$")
# torchrun's report that a worker failed; the worker's own exception says why.
_WRAPPERS = frozenset({"ChildFailedError"})


def text(ending: Ending, script: str) -> str:
    """The exception first, then the last lines before it."""
    lines = [_RANK.sub("", line).rstrip() for line in ending.stderr.splitlines()]
    found = _exception(lines)
    if found is None:
        return bounded(_without_exception(ending, script), [line for line in lines if line])
    first, end = found
    return bounded(first, [line for line in lines[:end] if line.strip()])


def bounded(first: str, rest: list[str]) -> str:
    """`first`, and as many of the last lines of `rest` as fit."""
    first = first if len(first) <= _MAX_FIRST_LINE else first[: _MAX_FIRST_LINE - 3] + "..."
    kept: list[str] = []
    left = MAX_TEXT - len(first) - 1
    for line in reversed(rest[-_MAX_LAST_LINES:]):
        left -= len(line) + 1
        if left < 0:
            break
        kept.insert(0, line)
    return "\n".join([first, *kept])


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def _exception(lines: list[str]) -> tuple[str, int] | None:
    """The last uncaught exception as `Type: message`, and the index of its line."""
    found = None
    inside = False
    for index, line in enumerate(lines):
        if line.startswith("Traceback (most recent call last)"):
            inside = True
        elif inside and line and not line.startswith(" "):
            inside = False
            match = _EXCEPTION.match(line)
            if match and match["name"] not in _WRAPPERS:
                found = (match["name"] + (match["message"] or ""), index)
    return found


def _without_exception(ending: Ending, script: str) -> str:
    if ending.returncode < 0:
        number = -ending.returncode
        hint = "; the instance may be out of memory" if number == signal.SIGKILL else ""
        name = signal.strsignal(number) or "unknown"
        return f"ScriptKilled: {script} was ended by signal {number} ({name}){hint}"
    return f"ScriptFailed: {script} ended with exit code {ending.returncode}"
