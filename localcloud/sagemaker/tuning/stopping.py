"""Stopping training jobs early, by the values of the objective metric that they print while they run.

Each value printed ends one epoch. https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-early-stopping.html
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

Series = Sequence[float]

# The part of the training jobs that goes on at each rung: Hyperband's own default.
_REDUCTION = 3


def is_worse(value: float, than: float, *, maximize: bool) -> bool:
    return value < than if maximize else value > than


def below_median(current: Series, previous: Sequence[Series], *, maximize: bool) -> bool:
    """The median rule of TrainingJobEarlyStoppingType Auto.

    True when the latest value is worse than the median of the running averages, up to the same epoch, of the training
    jobs launched before.
    """
    epoch = len(current)
    reached = [series[:epoch] for series in previous if len(series) >= epoch]
    if not reached or not current:
        return False
    averages = [statistics.fmean(series) for series in reached]
    return is_worse(current[-1], statistics.median(averages), maximize=maximize)


@dataclass(frozen=True, kw_only=True)
class Hyperband:
    """Asynchronous successive halving in brackets (HyperbandStrategyConfig); the resource is the number of epochs."""

    minimum: int
    maximum: int

    def stops(self, index: int, series: Sequence[Series], *, maximize: bool) -> bool:
        """Whether the training job number ``index`` ends now; ``series`` are those of all, in launch order.

        It ends at the maximum of its resource, and when at a rung it has passed it is not, or no longer, among the
        best third of its bracket.
        """
        current = series[index]
        if len(current) >= self.maximum:
            return True
        brackets = self._brackets()
        bracket = [values for number, values in enumerate(series) if number % brackets == index % brackets]
        rungs = [rung for rung in self._rungs(index % brackets) if rung <= len(current)]
        return any(not _is_among_best(current, bracket, rung, maximize=maximize) for rung in rungs)

    def _brackets(self) -> int:
        count, resource = 1, self.minimum
        while resource * _REDUCTION <= self.maximum:
            count, resource = count + 1, resource * _REDUCTION
        return count

    def _rungs(self, bracket: int) -> list[int]:
        """The epochs at which a bracket decides: each later bracket begins one rung later, and so is more patient."""
        rungs, resource = [], self.minimum * _REDUCTION**bracket
        while resource < self.maximum:
            rungs.append(resource)
            resource *= _REDUCTION
        return rungs


def _is_among_best(current: Series, bracket: Sequence[Series], rung: int, *, maximize: bool) -> bool:
    reached = sorted((values[rung - 1] for values in bracket if len(values) >= rung), reverse=maximize)
    return not is_worse(current[rung - 1], reached[max(1, len(reached) // _REDUCTION) - 1], maximize=maximize)
