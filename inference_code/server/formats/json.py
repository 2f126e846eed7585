"""JSON as RFC 8259 has it, from bytes of strangers.

orjson refuses NaN, Infinity, numbers that overflow, what is not UTF-8, lone surrogates and nesting beyond 1,024 levels.
It lets the last of two equal keys win, so that is checked here.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from server.errors import InvalidInput, ModelFailed
from server.formats.values import is_finite, plain

JSON = "application/json"
_NESTED = (dict, list)
_MAX_KEY = 64  # characters of a key that a message repeats


def read(body: bytes, content_type: str) -> list[Any]:
    """The list of `{"instances": [...]}`. Raises InvalidInput."""
    document = loads(body)
    if not isinstance(document, dict) or "instances" not in document:
        raise InvalidInput('instances: expected a JSON object with the key "instances"', field="instances")
    if not isinstance(document["instances"], list):
        kind = type(document["instances"]).__name__
        raise InvalidInput(f"instances: expected a list, got {kind}", field="instances")
    return document["instances"]


def write(predictions: Any) -> bytes:
    """Raises ModelFailed."""
    return dumps({"predictions": predictions})


def loads(body: bytes, *, what: str = "the body") -> Any:
    """The document; `what` begins the message about one that is none. Raises InvalidInput."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"{what} is not valid JSON: {error}") from error
    colons = body.count(b":")
    # Most bodies are one object around numbers.
    if not (type(document) is dict and len(document) == colons) and not _has_keys(document, colons):
        _refuse_duplicates(body, what)
    return document


def _has_keys(document: Any, colons: int) -> bool:
    """Whether the document's objects have as many keys as the body has colons. Then no key was there twice, for each
    has a colon of its own. With colons in texts, too, they have fewer, which tells nothing.
    """
    level = [document]
    while colons and level:
        colons -= sum(len(value) for value in level if type(value) is dict)
        if colons:
            inner = (value.values() if type(value) is dict else value for value in level if type(value) in _NESTED)
            level = [value for values in inner for value in values if type(value) in _NESTED]
    return not colons


def _refuse_duplicates(body: bytes, what: str) -> None:
    def distinct(pairs: list[tuple[str, Any]]) -> None:
        seen = set()
        for key, _ in pairs:
            if key in seen:
                raise InvalidInput(f"{what}: the key {key[:_MAX_KEY]!r} appears twice", field=key[:_MAX_KEY])
            seen.add(key)

    try:
        json.loads(body, object_pairs_hook=distinct)
    except RecursionError as error:
        raise InvalidInput(f"{what} is not valid JSON: nested too deeply") from error


def dumps(value: Any) -> bytes:
    """Raises ModelFailed for what JSON cannot hold."""
    try:
        body = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY, default=_plain)
    except orjson.JSONEncodeError as error:
        raise ModelFailed("the model's answer cannot be written as JSON") from error
    if b"null" in body and not is_finite(value):  # orjson writes NaN as null
        raise ModelFailed("the model's answer holds a number that is not finite")
    return body


def _plain(value: Any) -> Any:
    """The arrays that orjson does not know: of strings, of objects, or not in one piece."""
    if not hasattr(value, "tolist"):
        raise TypeError(f"{type(value).__name__} is no value of JSON")
    return plain(value)
