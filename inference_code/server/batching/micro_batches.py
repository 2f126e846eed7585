"""Inputs of several requests as one, and the predictions for it as one for each.

An input is a list of instances, an array whose first axis is the instances, or a dict of such arrays (the named inputs
of a model). Arrays are told by what they have, because not every image has numpy.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import accumulate
from typing import Any

_DEEP = 8  # levels of a nested list that are looked at


class NotSplittable(Exception):
    """The predictions are not one for each instance: predict_fn is not what BATCHED says."""


def rows_and_kind(data: Any) -> tuple[int, Hashable]:
    """How many instances an input holds, and what it has in common with those it may be joined with; None for one
    that has to stay alone.
    """
    if isinstance(data, list):
        return (len(data), _kind(data[0])) if data else (1, None)
    if isinstance(data, dict):
        return _rows_and_kind_of_named(data)
    if _is_numpy_array(data) and data.shape[0]:
        return data.shape[0], (data.dtype.str, data.shape[1:])
    return 1, None


def _rows_and_kind_of_named(arrays: dict[Any, Any]) -> tuple[int, Hashable]:
    if not arrays or not all(map(_is_numpy_array, arrays.values())):
        return 1, None
    lengths = {array.shape[0] for array in arrays.values()}
    if len(lengths) > 1 or 0 in lengths:
        return 1, None
    kinds = tuple(sorted((str(name), array.dtype.str, array.shape[1:]) for name, array in arrays.items()))
    return lengths.pop(), kinds


def _is_array(value: Any) -> bool:
    return hasattr(value, "dtype") and bool(getattr(value, "shape", ()))


def _is_numpy_array(value: Any) -> bool:
    """Other libraries' arrays have a dtype too, but numpy cannot join them."""
    return _is_array(value) and hasattr(value.dtype, "str")


def _kind(instance: Any, depth: int = 0) -> Hashable:
    """Of a list its shape, of an object its keys, judged by what comes first; numbers are one kind."""
    if isinstance(instance, list):
        return (len(instance), _kind(instance[0], depth + 1) if instance and depth < _DEEP else None)
    if isinstance(instance, dict):
        return tuple(sorted(instance))
    return "number" if isinstance(instance, int | float) else type(instance).__name__


def join(inputs: Sequence[Any]) -> Any:
    """Inputs of one kind, in their order."""
    first = inputs[0]
    if isinstance(first, list):
        return [instance for one in inputs for instance in one]
    import numpy as np  # what the inputs are made of

    if isinstance(first, dict):
        return {name: np.concatenate([one[name] for one in inputs]) for name in first}
    return np.concatenate(inputs)


def split(predictions: Any, rows: Sequence[int]) -> list[Any]:
    """Raises NotSplittable."""
    if isinstance(predictions, dict):
        parts = {name: split(values, rows) for name, values in predictions.items()}
        return [{name: parts[name][index] for name in parts} for index in range(len(rows))]
    ends = list(accumulate(rows))
    if not (isinstance(predictions, list) or _is_array(predictions)):
        raise NotSplittable(f"predict_fn returned {type(predictions).__name__}, not a list or an array")
    if len(predictions) != ends[-1]:
        raise NotSplittable(f"predict_fn returned {len(predictions)} predictions for {ends[-1]} instances")
    return [predictions[end - count : end] for end, count in zip(ends, rows, strict=True)]
