"""Whether a server answers what the framework answers."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

TOLERANCE = 1e-4
_AT_ONCE = 16  # so that requests meet in a batch, where there are batches


class WrongAnswer(RuntimeError):
    """A server computes something else than the framework."""


def check(url: str, bodies: Sequence[bytes], expected: Sequence[list[float]], *, tolerance: float = TOLERANCE) -> None:
    """Every body's answer, asked at the same time. Raises WrongAnswer."""
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        answers = list(threads.map(lambda body: ask(url, body), bodies))
    for number, (answer, wanted) in enumerate(zip(answers, expected, strict=True)):
        rows = answer["predictions"] if isinstance(answer, dict) else answer
        if len(rows) != 1 or len(rows[0]) != len(wanted) or _difference(rows[0], wanted) > tolerance:
            raise WrongAnswer(f"{url}: request {number}: expected {wanted}, got {str(answer)[:300]}")


def ask(url: str, body: bytes) -> Any:
    """The answer's JSON."""
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def _difference(row: list[float], wanted: list[float]) -> float:
    return max(abs(one - other) for one, other in zip(row, wanted, strict=True))
