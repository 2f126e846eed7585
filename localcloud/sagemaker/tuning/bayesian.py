"""Bayesian search: Optuna's tree-structured Parzen estimator, given all results and asked for one more combination.

SageMaker's own model is a Gaussian process; both choose the combination that promises most, given what is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from localcloud.sagemaker.tuning.search import Observation, Values
from localcloud.sagemaker.tuning.space import CategoricalRange, Range, Space

# Random combinations before the first informed one. Optuna's default of 10 is most of what a tuning job may launch.
_RANDOM_FIRST = 5

optuna.logging.set_verbosity(optuna.logging.WARNING)


def propose(space: Space, observations: Sequence[Observation], *, seed: int, maximize: bool) -> Values:
    """The next combination; those that still run count as the worst known, so that they are not proposed again."""
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=_RANDOM_FIRST, constant_liar=True)
    study = optuna.create_study(direction="maximize" if maximize else "minimize", sampler=sampler)
    distributions = {part.name: _distribution(part) for part in space}
    known = [_trial(space, observation, distributions) for observation in observations]
    study.add_trials([trial for trial in known if trial is not None])
    asked = study.ask(fixed_distributions=distributions).params
    return {part.name: _value(part, asked[part.name]) for part in space}


def _distribution(part: Range) -> BaseDistribution:
    if isinstance(part, CategoricalRange):
        return CategoricalDistribution(part.values)
    low, high = part.points
    return FloatDistribution(low, high)


def _trial(space: Space, known: Observation, distributions: dict[str, BaseDistribution]) -> FrozenTrial | None:
    """None for a combination of a parent tuning job that is not of this space."""
    points = {part.name: _point(part, known.values.get(part.name)) for part in space}
    if any(point is None for point in points.values()):
        return None
    state = TrialState.RUNNING if known.objective is None else TrialState.COMPLETE
    return create_trial(params=points, distributions=distributions, value=known.objective, state=state)


def _point(part: Range, text: str | None) -> Any:
    if isinstance(part, CategoricalRange):
        return text if text in part.values else None
    return None if text is None else part.point(text)


def _value(part: Range, point: Any) -> str:
    return point if isinstance(part, CategoricalRange) else part.value(point)
