"""Instances as rows of numbers, predictions as rows of values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from server.errors import InvalidInput, ModelFailed
from server.formats.values import plain

_MAX_SHOWN = 40  # characters of a value that a message repeats


def numbers(instances: Any) -> list[list[float]]:
    """Rows of finite numbers, from a list of lists of any format, or an array of two dimensions.

    Raises InvalidInput that names the value: `instances[3][2]: expected a number, got 'abc'`; no two rows may differ
    in their length.
    """
    rows = plain(instances)
    checked = [_row(row, f"instances[{index}]") for index, row in enumerate(rows)]
    for index, row in enumerate(checked):
        if len(row) != len(checked[0]):
            field = f"instances[{index}]"
            told = f"expected {len(checked[0])} numbers as in instances[0], got {len(row)}"
            raise InvalidInput(f"{field}: {told}", field=field)
    return checked


def _row(row: Any, name: str) -> list[float]:
    if not isinstance(row, list | tuple):
        raise InvalidInput(f"{name}: expected a list of numbers, got {type(row).__name__}", field=name)
    return _at_once(row) or [_number(value, f"{name}[{index}]") for index, value in enumerate(row)]


def _at_once(row: Sequence[Any]) -> list[float]:
    """The numbers of a row that holds nothing else, or of one of texts; empty where they have to be looked at."""
    kinds = set(map(type, row))
    text = ",".join(row) if kinds == {str} else ""
    if not (kinds <= {int, float} or (kinds == {str} and text.isascii() and "_" not in text)):
        return []
    try:
        numbers = list(map(float, row))
    except (ValueError, OverflowError):
        return []
    return numbers if math.isfinite(sum(numbers)) else []


def _number(value: Any, name: str) -> float:
    number = math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str) and value.isascii() and "_" not in value:  # which float() takes, and CSV does not
        try:
            number = float(value)
        except ValueError:
            number = math.nan
    if not _fits(number):
        raise InvalidInput(f"{name}: expected a number, got {str(value)[:_MAX_SHOWN]!r}", field=name)
    return float(number)


def _fits(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an integer beyond what a float holds
        return False


def listed(predictions: Any) -> list[Any]:
    """The predictions one by one; what is no list is one prediction."""
    values = plain(predictions)
    return list(values) if isinstance(values, list | tuple) else [values]


def flat(prediction: Any) -> Iterator[Any]:
    """The values of a prediction, depth first: strings, numbers, booleans, None. Raises ModelFailed."""
    value = plain(prediction)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from flat(part)
    elif value is None or isinstance(value, str | int | float):
        if isinstance(value, float) and not math.isfinite(value):
            raise ModelFailed("the model's answer holds a number that is not finite")
        yield value
    else:
        raise ModelFailed(f"the model's answer holds a {type(value).__name__}, which is no value of a row")
