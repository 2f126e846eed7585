"""CSV as RFC 4180 has it, in UTF-8: commas, double quotes, lines that end with LF or CRLF.

A cell is a string, exactly as it was sent: whether `007` is a number is the workload's to say (rows.numbers).
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from typing import Any

from server.errors import InvalidInput
from server.formats.negotiation import has_header
from server.formats.rows import flat, listed

_MAX_SHOWN = 64  # characters of a name that a message repeats


def read(body: bytes, content_type: str) -> list[list[str]] | list[dict[str, str]]:
    """The rows. Raises InvalidInput that names the line, and the column where there is one."""
    rows = _rows(_text(body))
    if not has_header(content_type):
        return rows
    header, *records = rows
    _check_names(header)
    return [dict(zip(header, record, strict=True)) for record in records]


def _text(body: bytes) -> str:
    if body.startswith(codecs.BOM_UTF8):
        raise InvalidInput("line 1: the body starts with a byte order mark; send UTF-8 without it", field="line 1")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise InvalidInput(f"line {line}: byte {error.start} is not UTF-8", field=f"line {line}") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InvalidInput(f"line {line}: a NUL character", field=f"line {line}")
    return text


def _rows(text: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            rows.append(row)
            if len(row) != len(rows[0]) or not row:
                raise _ragged(row, expected=len(rows[0]), line=reader.line_num)
    except csv.Error as error:
        line = reader.line_num
        raise InvalidInput(f"line {line}: not valid CSV: {error}", field=f"line {line}") from error
    if not rows:
        raise InvalidInput("the body is empty; expected one row a line")
    return rows


def _ragged(row: list[str], *, expected: int, line: int) -> InvalidInput:
    if not row:
        return InvalidInput(f"line {line} is empty; expected a row", field=f"line {line}")
    told = f"line {line}: expected {expected} columns as in line 1, got {len(row)}"
    return InvalidInput(told, field=f"line {line}")


def _check_names(header: list[str]) -> None:
    name, times = Counter(header).most_common(1)[0]
    if times > 1:
        column = header.index(name, header.index(name) + 1) + 1
        raise InvalidInput(f"line 1: column {column}: the name {name[:_MAX_SHOWN]!r} appears twice", field="line 1")
    if "" in header:
        raise InvalidInput(f"line 1: column {header.index('') + 1} has no name", field="line 1")


def write(predictions: Any) -> bytes:
    """Raises ModelFailed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([_cell(value) for value in flat(prediction)] for prediction in listed(predictions))
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    """Booleans as JSON spells them; a missing value is an empty cell."""
    return str(value).lower() if isinstance(value, bool) else value
