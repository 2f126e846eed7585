"""Payload formats: a request's body -> its instances, predictions -> an answer's body.

    negotiation.py  the headers Content-Type and Accept
    json.py         `{"instances": [...]}` and `{"predictions": [...]}`; strict parsing
    json_lines.py   one instance, and one prediction, a line
    csv.py          one row an instance, and a prediction
    npy.py          one array; its first axis is the instances, and the predictions
    rows.py         numbers out of rows; predictions as rows
    arrays.py       arrays out of nested lists
    values.py       numpy's values as Python's; what is finite

A workload's inference.py may use what is imported here: instances, numbers, array, encode, load_json, InvalidInput and
the four names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from server.errors import InvalidInput
from server.formats.arrays import as_array
from server.formats.json import JSON
from server.formats.json import loads as load_json
from server.formats.negotiation import media_type
from server.formats.rows import numbers

JSON_LINES = "application/jsonlines"
CSV = "text/csv"
NPY = "application/x-npy"
# A format's module is imported when it is asked for: npy needs numpy, which not every image has.
_MODULES = {JSON: "json", JSON_LINES: "json_lines", CSV: "csv", NPY: "npy"}
MEDIA_TYPES = tuple(name for name in _MODULES if name != NPY or find_spec("numpy"))

__all__ = [
    "CSV",
    "JSON",
    "JSON_LINES",
    "MEDIA_TYPES",
    "NPY",
    "InvalidInput",
    "array",
    "encode",
    "instances",
    "load_json",
    "numbers",
]


def instances(body: bytes, content_type: str) -> Any:
    """The instances in a body of one of the four formats; `content_type` is what input_fn was given.

    JSON, JSON Lines: the values as they are. CSV: for each row the list of its cells, which are strings; with
    `text/csv; header=present` a dict by the header's names. npy: an array of finite numbers or booleans.

    Raises InvalidInput.
    """
    return _reader(content_type)(body, content_type)


def array(body: bytes, content_type: str, shape: Sequence[int]) -> Any:
    """A body's instances as an array of float32, N x `shape`: of JSON and JSON Lines nested lists of exactly this
    shape, of CSV rows of as many numbers, of npy an array. None where they are something else, or hold something else
    than finite numbers: whoever knows what they should be then looks at `instances`, and names what is wrong.

    Raises InvalidInput.
    """
    found = instances(body, content_type)
    if content_type != CSV:
        return as_array(found, body, shape)
    rows = as_array(numbers(found), body, [math.prod(shape)])
    return None if rows is None else rows.reshape(-1, *shape)


def encode(predictions: Any, accept: str) -> bytes:
    """Predictions as one of the four formats; `accept` is what output_fn was given.

    CSV and npy hold the values of a prediction depth first: `{"label": 7, "scores": [0.1, 0.9]}` is `7,0.1,0.9`.

    Raises ModelFailed for what is not finite or no format holds, NotAcceptable for what only this one cannot hold.
    """
    return _format(accept).write(predictions)


@lru_cache(64)
def _reader(content_type: str) -> Callable[[bytes, str], Any]:
    return _format(media_type(content_type)).read


@cache
def _format(name: str) -> Any:
    if name not in _MODULES:
        raise LookupError(f"{name!r} is none of the formats {', '.join(MEDIA_TYPES)}")
    return import_module(f"server.formats.{_MODULES[name]}")
