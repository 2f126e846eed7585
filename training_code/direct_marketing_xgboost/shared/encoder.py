"""Rows as they are in the data file -> the features of the model: numbers as they are, and one feature for each value
of a categorical column.

What it learned from the training data is in the model's encoder.json.
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
            name: tuple(sorted(set(_categories([row[index] for row in rows]))))
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
        cells = [row[index] for row in rows]
        if name not in self.categories:
            return _numbers(cells, name)[:, np.newaxis]
        position = {value: number for number, value in enumerate(self.categories[name])}
        numbers = np.array([position.get(value, -1) for value in _categories(cells)], dtype=np.int64)
        return (numbers[:, np.newaxis] == np.arange(len(position))).astype(np.float32)


def _categories(cells: Sequence[Cell]) -> list[str]:
    """`category` of each; of a text once, however often it is there."""
    if not _are_texts(cells):
        return [category(cell) for cell in cells]
    known = {cell: category(cell) for cell in set(cells)}
    return [known[cell] for cell in cells]


def _numbers(cells: Sequence[Cell], column: str) -> np.ndarray:
    """float32, NaN where one is missing. Raises InvalidCell."""
    if _are_texts(cells):
        try:
            found = np.array(cells, dtype=np.float64)
        except ValueError:
            pass  # some are missing, or wrong: which, is found out below
        else:
            if np.isfinite(found).all():
                return found.astype(np.float32)
    return np.array([_number(cell, at, column) for at, cell in enumerate(cells)], dtype=np.float32)


def _are_texts(cells: Sequence[Cell]) -> bool:
    """As a file's are. A JSON document's may be of any type, of which some are equal to others and yet not the same."""
    return all(type(cell) is str for cell in cells)


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
