"""Answers and labels, both as text -> figures."""

from __future__ import annotations

import math
import operator
from typing import Sequence  # noqa: UP035  (an image may have Python 3.8)

METRICS = ("accuracy", "mae", "mse")


def measure(labels: Sequence[str], answers: Sequence[str]) -> dict[str, float]:
    """`accuracy` (a share) and `examples`; where all are numbers `mae` and `mse` as well.

    Numbers are equal when they have the same value, whatever their spelling. Raises ValueError for an empty holdout.
    """
    if not labels:
        raise ValueError("the holdout has no rows")
    wanted, given = _numbers(labels), _numbers(answers)
    figures: dict[str, float] = {"examples": len(labels)}
    if wanted is None or given is None:
        return {**figures, "accuracy": _share_of_equals(labels, answers)}
    errors = [said - true for true, said in zip(wanted, given)]  # noqa: B905  (Python 3.10)
    return {
        **figures,
        "accuracy": _share_of_equals(wanted, given),
        "mae": math.fsum(abs(error) for error in errors) / len(errors),
        "mse": math.fsum(error * error for error in errors) / len(errors),
    }


def _share_of_equals(labels: Sequence[object], answers: Sequence[object]) -> float:
    return sum(map(operator.eq, labels, answers)) / len(labels)


def _numbers(texts: Sequence[str]) -> list[float] | None:
    """None where one of them is no finite number."""
    try:
        numbers = [float(text) for text in texts]
    except ValueError:
        return None
    return numbers if all(map(math.isfinite, numbers)) else None
