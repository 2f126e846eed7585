"""JSON as RFC 8259 has it, from bytes of strangers.

orjson refuses NaN, Infinity, numbers that overflow, what is not UTF-8, lone surrogates and nesting beyond 1,024 levels.
It lets the last of two equal keys win, so that is checked here.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from server.errors import InvalidInput

_MAX_KEY = 64  # characters of a key that a message repeats


def loads(body: bytes) -> Any:
    """The document. Raises InvalidInput."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"the body is not valid JSON: {error}") from error
    # Most bodies are one object around arrays of numbers: two counts then show that every key is there once.
    if not (body.count(b"{") <= 1 and isinstance(document, dict) and body.count(b":") == len(document)):
        _refuse_duplicates(body)
    return document


def _refuse_duplicates(body: bytes) -> None:
    try:
        json.loads(body, object_pairs_hook=_distinct)
    except RecursionError as error:
        raise InvalidInput("the body is not valid JSON: nested too deeply") from error


def _distinct(pairs: list[tuple[str, Any]]) -> None:
    seen = set()
    for key, _ in pairs:
        if key in seen:
            raise InvalidInput(f"the key {key[:_MAX_KEY]!r} appears twice", field=key[:_MAX_KEY])
        seen.add(key)
