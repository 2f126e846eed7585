"""Hyperparameter ranges: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html

Values travel as strings, as in the API. A numeric range is searched on its scale: a coordinate is a point on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]

# ScalingType Auto leaves the choice to SageMaker; a range over this many powers of ten is searched by magnitude.
_MAGNITUDES = 3.0


@dataclass(frozen=True)
class _Scale:
    forward: Callable[[float], float]
    backward: Callable[[float], float]


_SCALES = {
    "Linear": _Scale(lambda value: value, lambda point: point),
    "Logarithmic": _Scale(math.log, math.exp),
    "ReverseLogarithmic": _Scale(lambda value: -math.log1p(-value), lambda point: -math.expm1(-point)),
}


@dataclass(frozen=True, kw_only=True)
class NumericRange:
    """An integer or continuous hyperparameter between two bounds, both included.

    Raises ValueError for bounds that are out of order or that the scale cannot show.
    """

    name: str
    low: float
    high: float
    integer: bool
    scaling: str

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(
                f"the MinValue {self.low:g} of the hyperparameter '{self.name}' is greater than its MaxValue "
                f"{self.high:g}"
            )
        if self.scaling == "Logarithmic" and self.low <= 0:
            raise ValueError(
                f"Logarithmic scaling of the hyperparameter '{self.name}' needs values greater than 0; "
                f"its MinValue is {self.low:g}"
            )
        if self.scaling == "ReverseLogarithmic" and (self.integer or self.low < 0 or self.high >= 1):
            raise ValueError(
                f"ReverseLogarithmic scaling of the hyperparameter '{self.name}' needs a continuous range within "
                f"0 <= x < 1; its range is {self.low:g} to {self.high:g}"
            )

    @property
    def points(self) -> tuple[float, float]:
        """The coordinates of the bounds; an integer owns the half steps around it, as far as the scale goes."""
        if not self.integer:
            return self._scale.forward(self.low), self._scale.forward(self.high)
        return self._scale.forward(self.low - 0.5), self._scale.forward(self.high + 0.5)

    def value(self, point: float) -> str:
        """The value at a coordinate."""
        value = min(max(self._scale.backward(point), self.low), self.high)
        return str(round(value)) if self.integer else repr(value)

    def point(self, text: str) -> float | None:
        """The coordinate of a value; None for what is no value of this range."""
        try:
            value = float(text)
        except ValueError:
            return None
        return self._scale.forward(value) if self.low <= value <= self.high else None

    @property
    def size(self) -> float:
        """How many values there are."""
        return self.high - self.low + 1 if self.integer else (math.inf if self.high > self.low else 1)

    @property
    def _scale(self) -> _Scale:
        return _SCALES[self.scaling]


@dataclass(frozen=True, kw_only=True)
class CategoricalRange:
    """A hyperparameter with a list of values."""

    name: str
    values: tuple[str, ...]

    @property
    def size(self) -> float:
        return len(self.values)


Range = NumericRange | CategoricalRange
Space = Sequence[Range]


def read_space(ranges: Document) -> list[Range]:
    """The ranges of a shape ParameterRanges. Raises ValueError, naming the hyperparameter and the value."""
    space: list[Range] = [_numeric(entry, integer=True) for entry in ranges.get("IntegerParameterRanges", [])]
    space += [_numeric(entry, integer=False) for entry in ranges.get("ContinuousParameterRanges", [])]
    for entry in ranges.get("CategoricalParameterRanges", []):
        if len(set(entry["Values"])) != len(entry["Values"]):
            raise ValueError(f"the values {entry['Values']} of the hyperparameter '{entry['Name']}' are not unique")
        space.append(CategoricalRange(name=entry["Name"], values=tuple(entry["Values"])))
    return space


def _numeric(entry: Document, *, integer: bool) -> NumericRange:
    low, high = (_bound(entry, member, integer=integer) for member in ("MinValue", "MaxValue"))
    scaling = entry.get("ScalingType", "Auto")
    if scaling == "Auto":
        scaling = "Logarithmic" if low > 0 and high / low >= 10**_MAGNITUDES else "Linear"
    return NumericRange(name=entry["Name"], low=low, high=high, integer=integer, scaling=scaling)


def _bound(entry: Document, member: str, *, integer: bool) -> float:
    text = entry[member]
    try:
        value = float(int(text)) if integer else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        kind = "an integer" if integer else "a number"
        raise ValueError(f"the {member} '{text}' of the hyperparameter '{entry['Name']}' is not {kind}")
    return value
