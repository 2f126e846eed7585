"""JSON Lines: one instance, and one prediction, a line. Source: https://jsonlines.org"""

from __future__ import annotations

from typing import Any

from server.errors import InvalidInput
from server.formats.json import dumps, loads
from server.formats.rows import listed


def read(body: bytes, content_type: str) -> list[Any]:
    """The documents of the lines; the last one may lack its line end. Raises InvalidInput that names the line."""
    lines = body.split(b"\n")
    if not lines[-1].strip():
        lines.pop()
    if not lines:
        raise InvalidInput("the body is empty; expected one JSON value a line")
    return [_document(line, number) for number, line in enumerate(lines, start=1)]


def _document(line: bytes, number: int) -> Any:
    if not line.strip():
        raise InvalidInput(f"line {number} is empty; expected a JSON value", field=f"line {number}")
    return loads(line, what=f"line {number}")


def write(predictions: Any) -> bytes:
    """Raises ModelFailed."""
    return b"".join(dumps(prediction) + b"\n" for prediction in listed(predictions))
