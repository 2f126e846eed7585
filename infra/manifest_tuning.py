"""`tuning:` of a manifest: which hyperparameters a tuning job searches, and by which metric.

Limits: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-limits.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from infra.manifest_fields import HyperparameterName, Strict

if TYPE_CHECKING:
    from infra.manifest import Hyperparameter, Training

MOST_METRICS = 20
Number = int | float


class TuningRange(Strict):
    """Either `values` to choose from, or everything from `minimum` to `maximum`, both included."""

    values: list[Any] | None = Field(default=None, min_length=1, max_length=30)
    minimum: Number | None = None
    maximum: Number | None = None
    scale: Literal["auto", "linear", "logarithmic", "reverse_logarithmic"] = "auto"

    @model_validator(mode="after")
    def _is_one_kind_of_range(self) -> TuningRange:
        bounds = [bound for bound in (self.minimum, self.maximum) if bound is not None]
        if (self.values is None) == (not bounds) or len(bounds) == 1:
            raise ValueError("needs either values, or minimum and maximum")
        if self.values is not None:
            self._check_values(self.values)
        else:
            self._check_bounds(*bounds)
        return self

    def _check_values(self, values: list[Any]) -> None:
        if self.scale != "auto":
            raise ValueError(f"scale {self.scale!r} is for minimum and maximum, not for values")
        if len({str(value) for value in values}) < len(values):
            raise ValueError(f"values names one twice: {values}")

    def _check_bounds(self, minimum: Number, maximum: Number) -> None:
        if minimum >= maximum:
            raise ValueError(f"minimum {minimum} is not below maximum {maximum}")
        if self.scale == "logarithmic" and minimum <= 0:
            raise ValueError(f"minimum {minimum} has no logarithm: allowed: above 0")
        if self.scale == "reverse_logarithmic" and not 0 <= minimum < maximum < 1:
            raise ValueError("scale 'reverse_logarithmic' is for ranges within 0 <= x < 1")


class Tuning(Strict):
    """A tuning job in place of the one training job; the best of its training jobs is the run's model."""

    objective: str
    """One of `training.metrics`."""
    goal: Literal["maximize", "minimize"]
    strategy: Literal["bayesian", "random", "grid"]
    max_jobs: Annotated[int, Field(ge=1, le=750)]
    max_parallel_jobs: Annotated[int, Field(ge=1, le=100)] = 1
    ranges: dict[HyperparameterName, TuningRange] = Field(min_length=1, max_length=30)

    @model_validator(mode="after")
    def _has_as_many_combinations_as_jobs(self) -> Tuning:
        if self.max_parallel_jobs > self.max_jobs:
            raise ValueError(f"max_parallel_jobs {self.max_parallel_jobs} is above max_jobs {self.max_jobs}")
        continuous = [name for name, given in self.ranges.items() if given.values is None]
        if self.strategy == "grid" and continuous:
            raise ValueError(f"ranges.{continuous[0]}: strategy 'grid' needs values")
        combinations = math.prod(len(given.values or []) for given in self.ranges.values())
        if self.strategy == "grid" and self.max_jobs != combinations:
            raise ValueError(
                f"max_jobs {self.max_jobs}: strategy 'grid' tries every combination: allowed: {combinations}"
            )
        if not continuous and self.max_jobs > combinations:
            raise ValueError(f"max_jobs {self.max_jobs} is above the number of combinations, {combinations}")
        return self


def check_tuning(tuning: Tuning, training: Training) -> None:
    """The ranges against the declared hyperparameters, the objective against the metrics. Raises ValueError."""
    metrics = [metric.name for metric in training.metrics]
    if tuning.objective not in metrics:
        raise ValueError(
            f"tuning.objective {tuning.objective!r} is not a metric: allowed: {', '.join(metrics) or 'none'}"
        )
    if len(metrics) > MOST_METRICS:
        raise ValueError(f"training.metrics has {len(metrics)} metrics: a tuning job takes {MOST_METRICS}")
    for name, given in tuning.ranges.items():
        try:
            _check_range(given, _declared(name, training.hyperparameters))
        except ValueError as error:
            raise ValueError(f"tuning.ranges.{name}: {error}") from error


def _declared(name: str, hyperparameters: Mapping[str, Hyperparameter]) -> Hyperparameter:
    if name not in hyperparameters:
        raise ValueError(f"is not a hyperparameter: allowed: {', '.join(hyperparameters) or 'none'}")
    return hyperparameters[name]


def _check_range(given: TuningRange, declared: Hyperparameter) -> None:
    if given.values is None and (declared.type in ("str", "bool") or declared.choices is not None):
        kind = "has choices" if declared.choices is not None else f"is of type {declared.type}"
        raise ValueError(f"the hyperparameter {kind}: allowed: values")
    bounds = [bound for bound in (given.minimum, given.maximum) if bound is not None]
    for value in given.values or bounds:
        declared.check(value)
