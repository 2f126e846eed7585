"""Reading pip requirement files into lines that stand on their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from localcloud.images.errors import InvalidRequirements

_NESTED = re.compile(r"(?:-r|--requirement)[ =]?\s*(?P<path>\S.*)")
_CONSTRAINTS = re.compile(r"(?:-c|--constraint)\b")
# A folder on this machine: its content can change without its name changing, so no content hash could cover it.
_LOCAL = re.compile(r"(?:-e|--editable)\b|[./~]|file:|.+@\s*file:")


def read(paths: Sequence[Path]) -> tuple[str, ...]:
    """The files' requirements and index options: one each, sorted, without comments, nested files included.

    Raises InvalidRequirements, which names the file and the line.
    """
    return normalise([line for path in paths for line in _lines(path, ())])


def normalise(lines: Sequence[str]) -> tuple[str, ...]:
    """Sorted, each once: the order of requirements means nothing to an installer."""
    return tuple(sorted({line.strip() for line in lines if line.strip()}))


def _lines(path: Path, outer: tuple[Path, ...]) -> list[str]:
    if path in outer:
        raise InvalidRequirements(f"{path}: requirement files include each other: {' -> '.join(map(str, outer))}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InvalidRequirements(f"{path}: no such requirement file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequirements(f"{path}: not a readable requirement file: {error}") from error
    found: list[str] = []
    for number, line in _logical_lines(text):
        if nested := _NESTED.fullmatch(line):
            found += _lines(path.parent / nested["path"], (*outer, path))
        else:
            found.append(check(line, place=f"{path}:{number}"))
    return found


def check(line: str, *, place: str) -> str:
    """The line itself, when an environment can be made from it alone. Raises InvalidRequirements naming `place`."""
    if _CONSTRAINTS.match(line):
        raise InvalidRequirements(f"{place}: {line!r}: constraint files are not supported; pin the versions themselves")
    if _LOCAL.match(line):
        raise InvalidRequirements(f"{place}: {line!r}: a folder or file cannot be a requirement here; copy its code in")
    return line


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """(number, content) of what is left when comments go and continued lines are joined, as pip reads them."""
    lines: list[tuple[int, str]] = []
    pending, start = "", 0
    for number, raw in enumerate(text.splitlines(), start=1):
        start = start or number
        if raw.endswith("\\"):
            pending += raw[:-1]
            continue
        content = re.sub(r"(^|\s)#.*$", "", pending + raw).strip()
        if content:
            lines.append((start, content))
        pending, start = "", 0
    if pending.strip():
        lines.append((start, pending.strip()))
    return lines
