"""One array of numpy's file format. Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html"""

from __future__ import annotations

import io
import math
from functools import lru_cache
from typing import Any

import numpy as np

from server.errors import InvalidInput, ModelFailed, NotAcceptable
from server.formats.rows import flat, listed

_NUMBERS = "biuf"
_MAX_HEADER = 1000  # characters; that of an array of numbers has about a hundred
_VERSION, _LENGTH = slice(6, 8), slice(8, 10)  # of version 1.0, which is what numbers have
_HEADERS_KEPT = 256  # the same few shapes come again and again, and numpy takes 20 us for a header
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read(body: bytes, content_type: str) -> np.ndarray:
    """The array, in the machine's byte order. Raises InvalidInput.

    The header is checked against the body's length before anything is allocated, and no pickle is ever read.
    """
    shape, fortran, dtype, start = _header(body)
    if dtype.kind not in _NUMBERS:
        raise InvalidInput(f"the array's dtype is {str(dtype)[:40]!r}; send numbers or booleans", field="dtype")
    if not shape or min(shape) < 0:
        raise InvalidInput(f"the array's shape is {shape}; its first axis has to be the instances", field="shape")
    expected, got = math.prod(shape) * dtype.itemsize, len(body) - start
    if expected != got:
        told = f"an array of shape {shape} and dtype {dtype} has {expected} bytes"
        raise InvalidInput(f"{told}, the body has {got} after its header"[:200], field="shape")
    try:
        array = np.frombuffer(body, dtype, offset=start).reshape(shape, order="F" if fortran else "C")
    except ValueError as error:  # an empty array of more axes or elements than numpy has
        raise InvalidInput(f"the array's shape is not possible: {error}"[:200], field="shape") from error
    _require_finite(array)
    return array.astype(dtype.newbyteorder("="), order="C")


Header = tuple[tuple[int, ...], bool, np.dtype, int]
"""Shape, whether its order is Fortran's, dtype, and where the data begin."""


def _header(body: bytes) -> Header:
    """Raises InvalidInput."""
    end = _LENGTH.stop + int.from_bytes(body[_LENGTH], "little")
    return _kept(body[:end]) if body[_VERSION] == b"\1\0" and end <= _MAX_HEADER else _parsed(body)


def _parsed(body: bytes) -> Header:
    stream = io.BytesIO(body)
    try:
        version = np.lib.format.read_magic(stream)
        if version not in _HEADERS:  # 3.0 exists for names of fields, which numbers have none of
            raise ValueError(f"version {version} is not read; send 1.0 or 2.0")
        return *_HEADERS[version](stream, max_header_size=_MAX_HEADER), stream.tell()
    except Exception as error:  # a stranger's header: ValueError, and whatever tokenize and ast stumble over
        raise InvalidInput(f"the body is not an npy file: {error}"[:200]) from error


_kept = lru_cache(_HEADERS_KEPT)(_parsed)


def _require_finite(array: np.ndarray) -> None:
    if array.dtype.kind != "f":
        return
    wrong = ~np.isfinite(array)
    if wrong.any():
        place = np.argwhere(wrong)[0]
        field = "instances" + "".join(f"[{index}]" for index in place)
        raise InvalidInput(f"{field}: {array[tuple(place)]} is not a finite number", field=field)


def write(predictions: Any) -> bytes:
    """Raises NotAcceptable where the predictions are not all numbers, ModelFailed where one is not finite."""
    array = _array(predictions)
    if array.dtype.kind not in _NUMBERS:
        raise NotAcceptable("these predictions are not numbers of one shape; accept application/json")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ModelFailed("the model's answer holds a number that is not finite")
    return _written(array.dtype, array.shape) + array.tobytes()


@lru_cache(_HEADERS_KEPT)
def _written(dtype: np.dtype, shape: tuple[int, ...]) -> bytes:
    """What comes before the data, whose order is C's."""
    stream = io.BytesIO()
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue()


def _array(predictions: Any) -> np.ndarray:
    if not isinstance(predictions, np.ndarray):
        predictions = listed(predictions)
        if any(isinstance(prediction, dict) for prediction in predictions):
            predictions = [list(flat(prediction)) for prediction in predictions]
    try:
        return np.asarray(predictions)
    except ValueError:  # ragged
        return np.asarray(None)
