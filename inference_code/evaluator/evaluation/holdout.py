"""The holdout's CSV files -> requests as production sends them, with the labels they must be answered with."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator  # noqa: UP035  (an image may have Python 3.8)

ROWS = 500
"""A request's; wide rows stay far below the 6 MB that an endpoint takes."""


class InvalidHoldout(ValueError):
    """Names the file, the line and what is wrong with it."""


@dataclass(frozen=True)
class Request:
    """A CSV body of `len(labels)` rows, after a header line where the file has one."""

    body: str
    labels: list[str]


def requests(folder: Path, label: str | int) -> Iterator[Request]:
    """Of every CSV file below `folder`, by name. `label` is the column's name in the header line of each file, or its
    position in files without one, counted from 0, or from -1 at the end. Raises InvalidHoldout.
    """
    files = sorted(path for path in folder.rglob("*.csv") if path.is_file())
    if not files:
        raise InvalidHoldout(f"the evaluation channel holds no .csv file in {folder}")
    for path in files:
        with path.open(newline="", encoding="utf-8-sig") as file:
            yield from _of_file(path.name, csv.reader(file), label)


def _of_file(name: str, lines: Iterator[list[str]], label: str | int) -> Iterator[Request]:
    header = next(lines, None) if isinstance(label, str) else None
    position = _position(name, header, label)
    columns = None if header is None else len(header)
    rows: list[list[str]] = []
    for number, row in enumerate(lines, start=1 if header is None else 2):
        if not row:
            continue
        columns = len(row) if columns is None else columns
        if len(row) != columns or not -columns <= position < columns:
            raise InvalidHoldout(f"{name}: row {number} has {len(row)} columns: needed: {columns}, label {label!r}")
        rows.append(row)
        if len(rows) == ROWS:
            yield _request(header, rows, position)
            rows = []
    if rows:
        yield _request(header, rows, position)


def _position(name: str, header: list[str] | None, label: str | int) -> int:
    if isinstance(label, int):
        return label
    if header is None or label not in header:
        raise InvalidHoldout(f"{name}: its header line has no column {label!r} (evaluation.label_column): {header}")
    return header.index(label)


def _request(header: list[str] | None, rows: list[list[str]], position: int) -> Request:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(_without(row, position) for row in ([header] if header else []) + rows)
    return Request(body=text.getvalue(), labels=[row[position].strip() for row in rows])


def _without(row: list[str], position: int) -> list[str]:
    return [field for index, field in enumerate(row) if index != position % len(row)]
