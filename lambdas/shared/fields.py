"""Fields of events and inputs, taken with a clear error."""

import re
from typing import Any, TypeVar

from shared.errors import InvalidInput

T = TypeVar("T")


def take(document: Any, name: str, kind: type[T], *, where: str = "input") -> T:
    """`document[name]`, which must be a `kind`; `InvalidInput` names the field and what was found."""
    if not isinstance(document, dict) or name not in document:
        raise InvalidInput(f"{where}.{name} is missing")
    value = document[name]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise InvalidInput(f"{where}.{name} must be a {kind.__name__}, found {type(value).__name__}")
    return value


def take_matching(document: Any, name: str, pattern: re.Pattern[str], *, where: str = "input") -> str:
    """`document[name]`, a string that `pattern` matches whole."""
    value = take(document, name, str, where=where)
    if not pattern.fullmatch(value):
        raise InvalidInput(f"{where}.{name} {value[:100]!r} does not match {pattern.pattern}")
    return value
