"""Columns out of requests and answers of any shape.

A number or a short text is a column of its own, so is each position of a flat row and each key of an object; a nested
list of numbers (an image, a clip, a matrix) becomes its statistics, and so does a text of several words.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Union

Value = Union[float, str]
MAX_COLUMNS = 100
"""Beyond this many positions a row is looked at as one array."""
MAX_DEPTH = 4
LONG_TEXT = 64
_LARGE_BODY = 512


def columns(
    instances: Iterable[Any], *, prefix: str, vocabulary: frozenset[str] | None = None
) -> dict[str, list[Value]]:
    """Column name -> its values. `vocabulary`: the words that are known; without it all words are."""
    found: dict[str, list[Value]] = defaultdict(list)
    for instance in instances:
        for name, value in _flat(instance, prefix, 0, vocabulary):
            if name in found or len(found) < MAX_COLUMNS:
                found[name].append(value)
    return dict(found)


def vocabulary(instances: Iterable[Any], size: int = 20_000) -> frozenset[str]:
    """The most frequent words of all texts in `instances`."""
    counts: Counter[str] = Counter()
    for instance in instances:
        for text in _texts(instance, 0):
            counts.update(_words(text))
    return frozenset(word for word, _ in counts.most_common(size))


def _flat(value: Any, name: str, depth: int, known: frozenset[str] | None) -> Iterator[tuple[str, Value]]:
    if value is None or isinstance(value, bool):
        yield name, str(value)
    elif isinstance(value, (int, float)):
        if math.isfinite(value):
            yield name, float(value)
    elif isinstance(value, str):
        yield from _text(value, name, known)
    elif isinstance(value, dict) and depth < MAX_DEPTH:
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}", depth + 1, known)
    elif isinstance(value, list):
        if len(value) > MAX_COLUMNS or any(isinstance(inner, list) for inner in value):
            yield from _array(value, name)
        else:
            for position, inner in enumerate(value):
                yield from _flat(inner, f"{name}[{position}]", depth + 1, known)


def _text(text: str, name: str, known: frozenset[str] | None) -> Iterator[tuple[str, Value]]:
    """A number in quotes, as CSV has them, is a number; a word is a category; several words are a text."""
    number = _number(text)
    if number is not None:
        yield name, number
    elif len(text) <= LONG_TEXT and len(text.split()) <= 2:
        yield name, text
    else:
        words = _words(text)
        yield f"{name}.characters", float(len(text))
        if len(words) > 1:
            yield f"{name}.words", float(len(words))
            if known is not None:
                yield f"{name}.unknown_words", sum(word not in known for word in words) / len(words)


def _array(value: list[Any], name: str) -> Iterator[tuple[str, Value]]:
    """Brightness, contrast and size of what may be an image."""
    shape, numbers = _shape(value), list(_leaves(value))
    yield f"{name}.shape", "x".join(map(str, shape))
    if numbers:
        mean = math.fsum(numbers) / len(numbers)
        yield f"{name}.mean", mean
        yield f"{name}.contrast", math.sqrt(math.fsum((number - mean) ** 2 for number in numbers) / len(numbers))


def _shape(value: Any) -> list[int]:
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return shape


def _leaves(value: Any) -> Iterator[float]:
    for inner in value:
        if isinstance(inner, list):
            yield from _leaves(inner)
        elif isinstance(inner, (int, float)) and math.isfinite(inner):
            yield float(inner)


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth < MAX_DEPTH and isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner, depth + 1)


def _words(text: str) -> list[str]:
    # A body in base64 is one long word, and no word of any language.
    return [word for word in text.lower().split() if len(word) < _LARGE_BODY]


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
