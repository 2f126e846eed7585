"""CSV with a header line -> labels and numbers: every column that is neither the label nor ignored is a number."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TextIO

import numpy as np


@dataclass(frozen=True)
class Table:
    """`features` names the columns of `values` (float64, rows x features); `labels` has one text a row."""

    features: tuple[str, ...]
    values: np.ndarray
    labels: np.ndarray


def read(files: Iterable[tuple[str, TextIO]], *, label: str, ignored: Collection[str]) -> Table:
    """All files as one table; the header may come again, as it does where a stream joins files. Raises ValueError with
    file, line and column.
    """
    header: list[str] | None = None
    values: list[list[float]] = []
    labels: list[str] = []
    for name, file in files:
        reader = csv.reader(file)
        for row in reader:
            if header is None:
                header = _header(name, row, label)
            elif row and row != header:
                cells = _cells(f"{name} line {reader.line_num}", header, row)
                labels.append(cells[label])
                values.append(_numbers(f"{name} line {reader.line_num}", cells, {label, *ignored}))
    if header is None or not values:
        raise ValueError("the data has no rows")
    features = tuple(column for column in header if column != label and column not in ignored)
    if not features:
        raise ValueError(f"the data has no columns besides the label {label!r} and the ignored {sorted(ignored)}")
    return Table(features, np.array(values), np.array(labels))


def _header(name: str, row: list[str], label: str) -> list[str]:
    if label not in row:
        raise ValueError(f"{name} line 1: there is no column {label!r} (label_column): columns: {', '.join(row)}")
    if len(set(row)) != len(row):
        raise ValueError(f"{name} line 1: a column's name occurs twice: {', '.join(row)}")
    return row


def _cells(place: str, header: list[str], row: list[str]) -> dict[str, str]:
    if len(row) != len(header):
        raise ValueError(f"{place}: {len(row)} columns, the header has {len(header)}")
    return dict(zip(header, map(str.strip, row), strict=True))


def _numbers(place: str, cells: dict[str, str], left_out: Collection[str]) -> list[float]:
    found = {column: _number(place, column, text) for column, text in cells.items() if column not in left_out}
    return list(found.values())


def _number(place: str, column: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{place}, column {column}: {text!r} is not a number") from None
    if not math.isfinite(number):
        raise ValueError(f"{place}, column {column}: {text!r} is not a finite number")
    return number
