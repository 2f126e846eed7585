"""Instances -> images, with an error that names the first value that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from server import formats

SHAPE = (28, 28)
MINIMUM, MAXIMUM = 0, 255


def read_images(body: bytes, content_type: str) -> np.ndarray:
    """The images of a body in one of the server's formats, of numbers from 0 to 255: float32, N x 28 x 28. In CSV a row
    of 784 is an image. Raises ValueError, formats.InvalidInput.
    """
    images = formats.array(body, content_type, SHAPE)
    if images is None or images.min() < MINIMUM or images.max() > MAXIMUM:
        raise _first_error(_listed(formats.instances(body, content_type), content_type))
    return images


def _listed(instances: Any, content_type: str) -> Any:
    if content_type != formats.CSV:
        return instances if isinstance(instances, list) else instances.tolist()
    rows = formats.numbers(instances)
    if len(rows[0]) != SHAPE[0] * SHAPE[1]:
        raise ValueError(f"instances[0]: expected the {SHAPE[0] * SHAPE[1]} numbers of an image, got {len(rows[0])}")
    return np.array(rows).reshape(-1, *SHAPE).tolist()


def _first_error(instances: list[Any]) -> ValueError:
    """Value by value, images that have not the right shape before values that are too large. Raises it, too."""
    if not instances:
        return ValueError("instances: expected a list of at least one image of 28 rows of 28 numbers")
    _check_each(instances, lambda value: isinstance(value, int | float) and not isinstance(value, bool))
    _check_each(instances, lambda value: MINIMUM <= value <= MAXIMUM)
    return ValueError("instances: expected images of 28 rows of 28 numbers")


def _check_each(instances: list[Any], is_right: Callable[[Any], bool]) -> None:
    for number, image in enumerate(instances):
        _check_shape(image, f"instances[{number}]")
        for row, values in enumerate(image):
            for column, value in enumerate(values):
                if not is_right(value):
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
    told = f"{value!r:.40}" if isinstance(value, int | float | str) else _kind(value)
    return ValueError(f"instances[{number}][{row}][{column}]: expected a number from 0 to 255, got {told}")


def _kind(value: Any) -> str:
    return {dict: "an object", list: "a list", str: "a string", type(None): "null"}.get(type(value), repr(value)[:40])
