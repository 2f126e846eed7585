"""The constraints of scalar, list and map shapes, and how SageMaker words a violation of each.

botocore's own validator checks types, required members and minima only; here are all traits of the service model:
minimum and maximum (of numbers and of lengths), enumerations and patterns.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import regex
from botocore.model import Shape

_LENGTH_TYPES = ("string", "list", "map")


def violations(shape: Shape, value: Any) -> list[str]:
    """The constraints of ``shape`` that ``value`` does not satisfy, as SageMaker's messages name them."""
    measure = len(value) if shape.type_name in _LENGTH_TYPES else value
    found = [text for limit, text in _upper(shape) if measure > limit]
    found += [text for limit, text in _lower(shape) if measure < limit]
    if shape.type_name == "string":
        found += _string_violations(shape, value)
    return found


def describe(shape: Shape) -> list[str]:
    """Every constraint of the shape: what a message about an element of a list or map quotes."""
    texts = [text for _, text in _upper(shape)] + [text for _, text in _lower(shape)]
    if shape.type_name == "string" and shape.enum:
        texts.append(_enum_text(shape))
    if "pattern" in shape.metadata:
        texts.append(_pattern_text(shape))
    return texts


def _upper(shape: Shape) -> list[tuple[Any, str]]:
    limit = shape.metadata.get("max")
    return [] if limit is None else [(limit, f"Member must have {_quantity(shape)} less than or equal to {limit}")]


def _lower(shape: Shape) -> list[tuple[Any, str]]:
    limit = shape.metadata.get("min")
    if limit is None or (limit == 0 and shape.type_name in _LENGTH_TYPES):
        return []  # no length is negative
    return [(limit, f"Member must have {_quantity(shape)} greater than or equal to {limit}")]


def _quantity(shape: Shape) -> str:
    return "length" if shape.type_name in _LENGTH_TYPES else "value"


def _string_violations(shape: Shape, value: str) -> list[str]:
    if shape.enum and value not in shape.enum:
        return [_enum_text(shape)]
    pattern = shape.metadata.get("pattern")
    if pattern is not None and not _compile(pattern).fullmatch(value):
        return [_pattern_text(shape)]
    return []


def _enum_text(shape: Shape) -> str:
    return f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"


def _pattern_text(shape: Shape) -> str:
    return f"Member must satisfy regular expression pattern: {shape.metadata['pattern']}"


@cache
def _compile(pattern: str) -> regex.Pattern[str]:
    # Patterns are Java's: property classes (\p{L}) need `regex`, and supplementary characters are surrogate pairs.
    return regex.compile(pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF"))
