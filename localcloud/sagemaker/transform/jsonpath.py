"""The JSONPath operators that DataProcessing takes.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html#data-processing-operators:
``$``, ``.<name>``, ``*``, ``['<name>' (, '<name>')]``, ``[<number> (, <number>)]``, ``[<start>:<end>]``, and as its
examples show, numbers and ranges mixed in one list.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_STEP = re.compile(r"\.?\[(?P<list>[^\]]*)\]|\.(?P<name>[^.\[\]'\"*\s]+)|\.?(?P<all>\*)")
_NAME = re.compile(r"\s*(?:'([^']*)'|\"([^\"]*)\")\s*(?:,|$)")
_NUMBER = re.compile(r"\s*(-?\d+)\s*$")
_RANGE = re.compile(r"\s*(-?\d+)?\s*:\s*(-?\d+)?\s*$")

_Step = Callable[[Any], Any]


class PathSyntaxError(ValueError):
    """The expression is not one that DataProcessing takes."""


class PathMismatch(ValueError):
    """The record has not what the expression selects."""


@dataclass(frozen=True)
class JsonPath:
    """A parsed expression."""

    text: str
    steps: tuple[_Step, ...]

    @property
    def is_root(self) -> bool:
        """It selects everything."""
        return not self.steps

    @classmethod
    def parse(cls, text: str) -> JsonPath:
        """Raises PathSyntaxError."""
        if not text.startswith("$"):
            raise PathSyntaxError(f"{text!r} does not begin with $")
        steps, position = [], 1
        while position < len(text):
            match = _STEP.match(text, position)
            if match is None:
                raise PathSyntaxError(f"{text!r} cannot be understood from {text[position:]!r} on")
            steps.append(_step(match, text))
            position = match.end()
        return cls(text, tuple(steps))

    def select(self, document: Any) -> Any:
        """What it selects: one value, a list for numbers and ranges, an object for several names. Raises
        PathMismatch."""
        for step in self.steps:
            document = step(document)
        return document


def _step(match: re.Match[str], text: str) -> _Step:
    if match["name"] is not None:
        return _member(match["name"])
    content = "*" if match["all"] else match["list"].strip()
    if content == "*":
        return _values
    if content[:1] in ("'", '"'):
        return _names(content, text)
    return _positions(content, text)


def _member(name: str) -> _Step:
    def select(document: Any) -> Any:
        if not isinstance(document, dict) or name not in document:
            raise PathMismatch(f"there is no {name!r} in {_shortened(document)}")
        return document[name]

    return select


def _values(document: Any) -> Any:
    if isinstance(document, dict):
        return list(document.values())
    if isinstance(document, list):
        return document
    raise PathMismatch(f"* selects from an object or a list, not from {_shortened(document)}")


def _names(content: str, text: str) -> _Step:
    names, position = [], 0
    while position < len(content):
        match = _NAME.match(content, position)
        if match is None:
            raise PathSyntaxError(f"{text!r}: {content!r} is not a list of quoted names")
        names.append(match[1] if match[1] is not None else match[2])
        position = match.end()
    members = {name: _member(name) for name in names}
    if len(members) == 1:
        return members[names[0]]
    return lambda document: {name: member(document) for name, member in members.items()}


def _positions(content: str, text: str) -> _Step:
    selectors = [_selector(part, text) for part in content.split(",")]
    if len(selectors) == 1 and isinstance(selectors[0], int):
        return lambda document: _item(document, selectors[0])

    def select(document: Any) -> list[Any]:
        found: list[Any] = []
        for selector in selectors:
            if isinstance(selector, int):
                found.append(_item(document, selector))
            else:
                found += _as_list(document)[selector]
        return found

    return select


def _selector(part: str, text: str) -> int | slice:
    if number := _NUMBER.match(part):
        return int(number[1])
    if bounds := _RANGE.match(part):
        start, end = (None if bound is None else int(bound) for bound in bounds.groups())
        return slice(start, end)
    raise PathSyntaxError(f"{text!r}: {part.strip()!r} is neither a number nor a range nor a quoted name")


def _item(document: Any, index: int) -> Any:
    items = _as_list(document)
    if not -len(items) <= index < len(items):
        raise PathMismatch(f"index {index} is not within the {len(items)} elements of {_shortened(document)}")
    return items[index]


def _as_list(document: Any) -> list[Any]:
    if not isinstance(document, list):
        raise PathMismatch(f"a number selects from a list, not from {_shortened(document)}")
    return document


def _shortened(document: Any) -> str:
    text = repr(document)
    return text if len(text) <= 80 else f"{text[:77]}..."
