"""JSON as RFC 8259 has it, read from bytes of strangers.

Python's own parser takes NaN and Infinity, turns 1e999 into infinity, lets the last of two equal keys win in silence,
and raises
RecursionError for deep nesting. Here each of these is a `ValueError` that says what was wrong.
"""

import json
import math
from collections import Counter
from typing import Any, NoReturn


def loads(data: bytes) -> Any:
    """The value that `data` (UTF-8) holds; `ValueError` for anything else."""
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"key {twice[:64]!r} appears twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"number {text[:32]} is too large")
    return value
