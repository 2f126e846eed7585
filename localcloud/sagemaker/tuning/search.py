"""The next combination of hyperparameters. A pure function of the strategy, the seed, the index and the results so far.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-how-it-works.html
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from localcloud.sagemaker.tuning.space import CategoricalRange, Space

Values = dict[str, str]
# A small space is searched without repeating a combination; after so many repeated draws one is accepted.
_DRAWS = 1000


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A combination that was tried. ``objective`` is None while its training job runs."""

    values: Values
    objective: float | None


def combinations(space: Space) -> float:
    """How many different combinations there are; infinity where a range is continuous."""
    return math.prod(part.size for part in space)


def propose(
    strategy: str, space: Space, observations: Sequence[Observation], *, index: int, seed: int, maximize: bool
) -> Values:
    """The combination of the training job number ``index`` (from 0).

    Args:
        strategy: Grid, Random, Hyperband or Bayesian.
        observations: every combination tried so far.
    """
    if strategy == "Grid":
        return grid(space, index)
    generator = random.Random(f"{seed}-{index}")  # noqa: S311 (reproducible, not secret)
    if strategy == "Bayesian":
        from localcloud.sagemaker.tuning import bayesian  # Optuna takes its time to load, and few need it

        proposed = bayesian.propose(space, observations, seed=generator.getrandbits(32), maximize=maximize)
    else:
        proposed = draw(space, generator)
    tried = [observation.values for observation in observations]
    for _ in range(_DRAWS):
        if proposed not in tried:
            break
        proposed = draw(space, generator)
    return proposed


def grid(space: Space, index: int) -> Values:
    """The combination number ``index`` of a space of categories; the last one varies fastest."""
    values: Values = {}
    for part in reversed(space):
        if not isinstance(part, CategoricalRange):
            raise TypeError(f"a grid has no values for the range {part.name!r}")
        index, choice = divmod(index, len(part.values))
        values[part.name] = part.values[choice]
    return dict(reversed(values.items()))


def draw(space: Space, generator: random.Random) -> Values:
    """A random combination, uniform on each range's scale."""
    return {
        part.name: generator.choice(part.values)
        if isinstance(part, CategoricalRange)
        else part.value(generator.uniform(*part.points))
        for part in space
    }
