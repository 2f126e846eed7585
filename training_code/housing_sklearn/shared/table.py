"""Tables of numbers from CSV files with a header, strictly: what is no number is refused by file, row and column."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np


class InvalidTable(ValueError):
    """The file is not the table that was expected. The message starts with the file's name."""


@dataclass(frozen=True)
class Table:
    """`values` is float64, rows x columns."""

    name: str
    columns: tuple[str, ...]
    values: np.ndarray

    def select(self, names: Sequence[str]) -> np.ndarray:
        """These columns in this order. Raises InvalidTable for one that is not there."""
        for name in names:
            if name not in self.columns:
                raise InvalidTable(f"{self.name}: no column {name!r}; there are {', '.join(self.columns)}")
        return self.values[:, [self.columns.index(name) for name in names]]

    def column(self, name: str) -> np.ndarray:
        return self.select([name])[:, 0]


def read(path: Path) -> Table:
    """Raises InvalidTable, and OSError where the file cannot be opened."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            rows = [_numbers(row, header, f"{path.name} line {reader.line_num}") for row in reader]
        except (csv.Error, UnicodeDecodeError) as error:
            raise InvalidTable(f"{path.name} line {reader.line_num}: {error}") from error
    if not rows:
        raise InvalidTable(f"{path.name}: no rows below the header")
    if len(set(header)) < len(header):
        raise InvalidTable(f"{path.name}: the header names a column twice: {', '.join(header)}")
    return Table(path.name, tuple(header), np.array(rows, dtype=np.float64))


def _numbers(row: Sequence[str], header: Sequence[str], place: str) -> list[float]:
    if len(row) != len(header):
        raise InvalidTable(f"{place}: {len(row)} values for {len(header)} columns")
    return [_number(text, f"{place} column {name!r}") for text, name in zip(row, header, strict=True)]


def _number(text: str, place: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidTable(f"{place}: expected a number, got {text[:40]!r}")
    return number
