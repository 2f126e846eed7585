"""Autotune: the range of a hyperparameter from an example value (shape AutoParameter).

SageMaker does not say how it chooses; here a number is searched a power of ten around the hint, by magnitude.
"""

from __future__ import annotations

import math
from typing import Any

from localcloud.sagemaker.tuning.space import CategoricalRange, NumericRange, Range

_FACTOR = 10


def read_auto_parameters(ranges: dict[str, Any]) -> list[Range]:
    """The ranges of the AutoParameters of a shape ParameterRanges."""
    return [_range(entry["Name"], entry["ValueHint"]) for entry in ranges.get("AutoParameters", [])]


def _range(name: str, hint: str) -> Range:
    for kind in (int, float):
        try:
            value = kind(hint)
        except ValueError:
            continue
        if math.isfinite(value):
            return _around(name, value)
    return CategoricalRange(name=name, values=(hint,))


def _around(name: str, value: float) -> NumericRange:
    integer = isinstance(value, int)
    if value <= 0:
        span = abs(value) or 1
        return NumericRange(name=name, low=value - span, high=value + span, integer=integer, scaling="Linear")
    low = max(1, value // _FACTOR) if integer else value / _FACTOR
    return NumericRange(name=name, low=low, high=value * _FACTOR, integer=integer, scaling="Logarithmic")
