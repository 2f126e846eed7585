"""Instances -> images, with an error that names the first value that is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

SHAPE = (28, 28)
MINIMUM, MAXIMUM = 0, 255


def from_rows(rows: list[list[float]]) -> np.ndarray:
    """Rows of 784 numbers -> N x 28 x 28, not yet looked at. Raises ValueError."""
    if len(rows[0]) != SHAPE[0] * SHAPE[1]:
        raise ValueError(f"instances[0]: expected the {SHAPE[0] * SHAPE[1]} numbers of an image, got {len(rows[0])}")
    return np.array(rows).reshape(-1, *SHAPE)


def to_images(instances: Any) -> np.ndarray:
    """Nested lists, or an array, of numbers from 0 to 255 -> float32, N x 28 x 28. Raises ValueError."""
    if not isinstance(instances, list | np.ndarray) or not len(instances):
        raise ValueError("instances: expected a list of at least one image of 28 rows of 28 numbers")
    try:
        images = np.array(instances)
    except ValueError:  # ragged
        images = np.empty(0, dtype=object)
    if images.dtype.kind not in "iuf" or images.shape[1:] != SHAPE:
        check_each(images.tolist() if isinstance(instances, np.ndarray) else instances)
        raise ValueError("instances: expected images of 28 rows of 28 numbers")
    wrong = (images < MINIMUM) | (images > MAXIMUM)
    if wrong.any():
        raise _wrong_value(instances, *np.argwhere(wrong)[0])
    return images.astype(np.float32)


def check_each(instances: list[Any]) -> None:
    """Value by value; raises ValueError for the first image that is not one."""
    for number, image in enumerate(instances):
        _check_shape(image, f"instances[{number}]")
        for row, values in enumerate(image):
            for column, value in enumerate(values):
                if isinstance(value, bool) or not isinstance(value, int | float):
                    raise _wrong_value(instances, number, row, column)


def _check_shape(image: Any, name: str) -> None:
    if not isinstance(image, list):
        raise ValueError(f"{name}: expected 28 rows of 28 numbers, got {_kind(image)}")
    widths = {len(row) if isinstance(row, list) else None for row in image}
    if None in widths:
        row = next(index for index, values in enumerate(image) if not isinstance(values, list))
        raise ValueError(f"{name}[{row}]: expected a row of 28 numbers, got {_kind(image[row])}")
    if len(widths) == 1 and (shape := (len(image), *widths)) != SHAPE:
        raise ValueError(f"{name}: expected shape {SHAPE}, got {shape}")
    if len(image) != SHAPE[0]:
        raise ValueError(f"{name}: expected 28 rows, got {len(image)}")
    for row, values in enumerate(image):
        if len(values) != SHAPE[1]:
            raise ValueError(f"{name}[{row}]: expected 28 numbers, got {len(values)}")


def _wrong_value(instances: list[Any], number: int, row: int, column: int) -> ValueError:
    value = instances[number][row][column]
    value = value.item() if isinstance(value, np.generic) else value
    told = f"{value!r:.40}" if isinstance(value, int | float | str) else _kind(value)
    return ValueError(f"instances[{number}][{row}][{column}]: expected a number from 0 to 255, got {told}")


def _kind(value: Any) -> str:
    return {dict: "an object", list: "a list", str: "a string", type(None): "null"}.get(type(value), repr(value)[:40])
