"""Reviews in JSON Lines: `{"text": "...", "stars": 1 to 5}`, or `{"text": "...", "label": 0 or 1}`, a review a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LABELS = ("negative", "positive")
LEAST_STARS = 4
"""A review with so many is positive."""


class InvalidReviews(ValueError):
    """A file that does not hold reviews; the message names file and line."""


def read(folder: Path, pattern: str) -> tuple[list[str], list[int]]:
    """Texts and labels (0 negative, 1 positive) of the files that match, sorted by name. Raises InvalidReviews."""
    texts: list[str] = []
    labels: list[int] = []
    for path in sorted(folder.glob(pattern)):
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                try:
                    text, label = _parse(line)
                except (ValueError, KeyError, TypeError) as error:
                    raise InvalidReviews(f"{path} line {number}: {error!r}") from None
                texts.append(text)
                labels.append(label)
    if not texts:
        raise InvalidReviews(f"{folder}: no review in files {pattern}")
    return texts, labels


def _parse(line: str) -> tuple[str, int]:
    review: dict[str, Any] = json.loads(line)
    text = review["text"]
    if not isinstance(text, str):
        raise TypeError(f"text is {text!r}; expected a string")
    if "label" in review:
        return text, _whole(review, "label", 0, 1)
    return text, int(_whole(review, "stars", 1, 5) >= LEAST_STARS)


def _whole(review: dict[str, Any], key: str, minimum: int, maximum: int) -> int:
    value = review[key]
    if isinstance(value, bool) or value not in range(minimum, maximum + 1):
        raise ValueError(f"{key} is {value!r}; expected a whole number from {minimum} to {maximum}")
    return int(value)
