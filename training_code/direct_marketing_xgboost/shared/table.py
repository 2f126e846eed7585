"""The data files: CSV with a header, read strictly, every cell as the text that is there."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_LABELS = {"0": 0, "1": 1, "no": 0, "yes": 1}


class InvalidTable(ValueError):
    """The file is not the table that was expected. The message starts with the file's name."""


@dataclass(frozen=True)
class Table:
    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def select(self, names: Sequence[str]) -> list[tuple[str, ...]]:
        """These columns in this order. Raises InvalidTable for one that is not there."""
        indices = [self._index(name) for name in names]
        return [tuple(row[index] for index in indices) for row in self.rows]

    def labels(self, name: str) -> np.ndarray:
        """A column of 0 and 1, or no and yes, as numbers. Raises InvalidTable."""
        index = self._index(name)
        for line, row in enumerate(self.rows, start=2):
            if row[index] not in _LABELS:
                raise InvalidTable(f"{self.name} line {line} column {name!r}: expected 0 or 1, got {row[index][:40]!r}")
        return np.array([_LABELS[row[index]] for row in self.rows], dtype=np.float32)

    def _index(self, name: str) -> int:
        if name not in self.columns:
            raise InvalidTable(f"{self.name}: no column {name!r}; there are {', '.join(self.columns)}")
        return self.columns.index(name)


def read(path: Path) -> Table:
    """Raises InvalidTable, and OSError where the file cannot be opened."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = tuple(next(reader, ()))
            rows = tuple(_row(row, header, f"{path.name} line {reader.line_num}") for row in reader)
        except (csv.Error, UnicodeDecodeError) as error:
            raise InvalidTable(f"{path.name} line {reader.line_num}: {error}") from error
    if not rows:
        raise InvalidTable(f"{path.name}: no rows below the header")
    return Table(path.name, header, rows)


def _row(row: Sequence[str], header: Sequence[str], place: str) -> tuple[str, ...]:
    if len(row) != len(header):
        raise InvalidTable(f"{place}: {len(row)} cells for {len(header)} columns")
    return tuple(row)
