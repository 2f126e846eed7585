"""What is wrong with a file, and where."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

FINDINGS_OF_A_FILE = 20
VALUE_CHARACTERS = 80
FILE_CHARACTERS = 300


class BadFile(Exception):
    """Nothing after this point of the file can be read. The arguments are those of `Findings.add`."""

    def __init__(self, rule: str, message: str, **place: Any) -> None:
        super().__init__(message)
        self.rule, self.message, self.place = rule, message, place


class Enough(Exception):
    """A file has so many findings that reading on would tell nobody anything new."""


@dataclass(frozen=True)
class Finding:
    """`row` is the line number of a text (from 1, header included), the index of an array's row (from 0). The message
    never holds a value of the data, because it gets into logs and mails; `value` (shortened) goes into the report only.
    """

    file: str
    rule: str
    message: str
    row: int | None = None
    column: str | None = None
    value: str | None = None

    def text(self) -> str:
        """`train/rows.csv, row 3, column age: is not an int`."""
        row = [] if self.row is None else [f"row {self.row}"]
        column = [] if self.column is None else [f"column {self.column}"]
        return f"{', '.join([shorten(self.file, FILE_CHARACTERS), *row, *column])}: {self.message}"

    def document(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value is not None}


class Findings:
    """Those of one file; more than `FINDINGS_OF_A_FILE` raise Enough."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.all: list[Finding] = []

    def add(
        self, rule: str, message: str, *, row: int | None = None, column: str | None = None, value: Any = None
    ) -> None:
        shown = None if value is None else shorten(value)
        column = None if column is None else shorten(column)
        self.all.append(Finding(self.file, rule, message, row, column, shown))
        if len(self.all) >= FINDINGS_OF_A_FILE:
            raise Enough


def shorten(value: Any, most: int = VALUE_CHARACTERS) -> str:
    """A value as text of one printable line, of at most `most` characters."""
    text = value if isinstance(value, str) else repr(value)
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[: most + 1])
    return shown if len(shown) <= most else f"{shown[: most - 3]}..."
