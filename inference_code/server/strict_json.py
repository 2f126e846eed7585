"""JSON as the API promises to read it: no NaN or Infinity, no number too large for one, no key twice, no deep nesting.

orjson refuses the first, the second and the last by itself (its limit is 1,024 levels); of a repeated key it silently
keeps the last. Looking for one costs a pass over the body for colons after quotes; only a body with more of those than
its outermost object has keys is read again with the slow parser, which sees every pair.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from server.errors import RequestError

_KEY_END = re.compile(rb'"\s*:')


def parse(body: bytes) -> Any:
    """The document. Raises RequestError (400) that says what is wrong and where."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestError(400, f"the body is not valid JSON: {error}") from None
    keys = len(document) if isinstance(document, dict) else 0
    if len(_KEY_END.findall(body)) > keys:
        json.loads(body, object_pairs_hook=_refuse_repeated)
    return document


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise RequestError(400, f"the key {key!r} occurs twice in one object", key)
        seen.add(key)
