"""Rows as they are in the data file -> the features of the model: numbers as they are, and one feature for each value
of a categorical column.

The training and the serving folder hold the same copy of this file; what it learned from the training data is in the
model's encoder.json.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Cell = Any
"""A text of a CSV file, or a value of a JSON document."""


class InvalidCell(ValueError):
    """A cell that is no number. `row` is its index; the message names the column and the value."""

    def __init__(self, row: int, column: str, value: Cell) -> None:
        super().__init__(f"column {column!r}: expected a number, got {str(value)[:40]!r}")
        self.row = row


@dataclass(frozen=True)
class Encoder:
    """`columns` are the data file's without the label, `categories` the values of those that are categorical."""

    columns: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]]

    @classmethod
    def fit(cls, columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, categorical: Sequence[str]) -> Encoder:
        """Learn the values of the categorical columns that are there."""
        seen = {
            name: tuple(sorted({category(row[index]) for row in rows}))
            for index, name in enumerate(columns)
            if name in categorical
        }
        return cls(tuple(columns), seen)

    @classmethod
    def from_description(cls, document: Mapping[str, Any]) -> Encoder:
        categories = {name: tuple(values) for name, values in document["categories"].items()}
        return cls(tuple(document["columns"]), categories)

    def description(self) -> dict[str, Any]:
        """What `from_description` takes, as JSON."""
        return {"columns": list(self.columns), "categories": {n: list(v) for n, v in self.categories.items()}}

    @property
    def features(self) -> list[str]:
        """The names of the model's features: `age`, `job=3`."""
        return [feature for name in self.columns for feature in self._features_of(name)]

    def transform(self, rows: Sequence[Sequence[Cell]]) -> np.ndarray:
        """float32, rows x features. A missing number (an empty text, None) is NaN, which XGBoost knows what to do with;
        a category that training did not see has no feature. Each row has a cell for each column. Raises InvalidCell.
        """
        parts = [self._column(index, name, rows) for index, name in enumerate(self.columns)]
        return np.concatenate(parts, axis=1) if rows else np.empty((0, len(self.features)), np.float32)

    def _features_of(self, name: str) -> list[str]:
        return [f"{name}={value}" for value in self.categories[name]] if name in self.categories else [name]

    def _column(self, index: int, name: str, rows: Sequence[Sequence[Cell]]) -> np.ndarray:
        if name not in self.categories:
            numbers = [[_number(row[index], at, name)] for at, row in enumerate(rows)]
            return np.array(numbers, dtype=np.float32)
        position = {value: number for number, value in enumerate(self.categories[name])}
        encoded = np.zeros((len(rows), len(position)), dtype=np.float32)
        for at, row in enumerate(rows):
            if (number := position.get(category(row[index]))) is not None:
                encoded[at, number] = 1
        return encoded


def category(cell: Cell) -> str:
    """One name for one category, however it is written: `1`, `1.` and 1.0 are the same."""
    text = "" if cell is None else str(cell).strip()
    try:
        number = float(text)
    except ValueError:
        return text
    return f"{number:g}" if math.isfinite(number) else text


def _number(cell: Cell, row: int, column: str) -> float:
    if cell is None or cell == "":
        return math.nan
    try:
        number = float(cell) if not isinstance(cell, bool | list | dict) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InvalidCell(row, column, cell)
    return number
