"""classes.txt: the names of the classes, one a line; a line's number, from 0, is the class's number.

It is fixed before the videos are divided among instances, none of which sees all of them.
"""

from __future__ import annotations

from pathlib import Path

FILE = "classes.txt"


class InvalidClasses(ValueError):
    """A file that is no list of classes; the message says why."""


def read(folder: Path) -> list[str]:
    """The names in the file's order. Raises InvalidClasses, FileNotFoundError."""
    names = [line.strip() for line in (folder / FILE).read_text(encoding="utf-8").splitlines() if line.strip()]
    if len(names) < 2:
        raise InvalidClasses(f"{FILE}: names {len(names)} classes; at least two are needed")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidClasses(f"{FILE}: names {', '.join(map(repr, repeated))} more than once")
    if wrong := [name for name in names if "/" in name or name.startswith(".")]:
        raise InvalidClasses(f"{FILE}: {wrong[0]!r} cannot be a folder's name")
    return names
