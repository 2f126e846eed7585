"""Instances -> images, with an error that names the first value that is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from server import formats
from shared.arrays import SHAPE

MAXIMUM = 255


def read_images(body: bytes, content_type: str) -> np.ndarray:
    """The images of a body in one of the server's formats, of numbers from 0 to 255: float32, N x 28 x 28.

    Raises ValueError, formats.InvalidInput.
    """
    images = formats.array(body, content_type, SHAPE)
    if images is not None and images.min() >= 0 and images.max() <= MAXIMUM:
        return images
    instances = formats.instances(body, content_type)
    return _one_by_one(instances if isinstance(instances, list) else instances.tolist())


def _one_by_one(instances: list[Any]) -> np.ndarray:
    """The same, slower: names what is wrong."""
    if not instances:
        raise ValueError("instances: expected a list of at least one image of 28 rows of 28 numbers")
    return np.stack([_image(image, f"instances[{number}]") for number, image in enumerate(instances)])


def _image(image: Any, name: str) -> np.ndarray:
    if not isinstance(image, list):
        raise ValueError(f"{name}: expected 28 rows of 28 numbers")
    for row, values in enumerate(image):
        if not isinstance(values, list):
            raise ValueError(f"{name}[{row}]: expected a row of 28 numbers")
        for column, value in enumerate(values):
            # Python takes true and false for 1 and 0
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAXIMUM:
                raise ValueError(f"{name}[{row}][{column}]: expected a number from 0 to {MAXIMUM}")
    lengths = sorted({len(values) for values in image})
    if (len(image), lengths) != (SHAPE[0], [SHAPE[1]]):
        told = f"{len(image)} rows of {' or '.join(map(str, lengths)) or 'no'} numbers"
        raise ValueError(f"{name}: expected 28 rows of 28 numbers, got {told}")
    return np.array(image, dtype=np.float32)
