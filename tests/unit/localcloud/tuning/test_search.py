"""Which combination is tried next."""

from __future__ import annotations

import statistics

import pytest

from localcloud.sagemaker.tuning.search import Observation, Values, combinations, propose
from localcloud.sagemaker.tuning.space import read_space

LINE = read_space({"ContinuousParameterRanges": [{"Name": "x", "MinValue": "-5", "MaxValue": "5"}]})
TABLE = read_space(
    {"CategoricalParameterRanges": [{"Name": "a", "Values": ["1", "2"]}, {"Name": "b", "Values": ["x", "y", "z"]}]}
)


def search(strategy: str, count: int, *, seed: int, maximize: bool = False) -> list[Observation]:
    """Minimize (x - 2)^2, or maximize its negative."""
    found: list[Observation] = []
    for index in range(count):
        values = propose(strategy, LINE, found, index=index, seed=seed, maximize=maximize)
        loss = (float(values["x"]) - 2) ** 2
        found.append(Observation(values=values, objective=-loss if maximize else loss))
    return found


def distance(observations: list[Observation]) -> float:
    return statistics.median(abs(float(observation.values["x"]) - 2) for observation in observations)


def test_a_grid_is_every_combination_once() -> None:
    proposed = [propose("Grid", TABLE, [], index=index, seed=0, maximize=True) for index in range(6)]
    assert proposed[:4] == [{"a": "1", "b": "x"}, {"a": "1", "b": "y"}, {"a": "1", "b": "z"}, {"a": "2", "b": "x"}]
    assert len({tuple(values.items()) for values in proposed}) == combinations(TABLE) == 6


@pytest.mark.parametrize("strategy", ["Random", "Hyperband", "Bayesian"])
def test_a_seed_makes_a_search_reproducible(strategy: str) -> None:
    assert search(strategy, 8, seed=3) == search(strategy, 8, seed=3)
    assert search(strategy, 8, seed=3) != search(strategy, 8, seed=4)


@pytest.mark.parametrize("strategy", ["Random", "Bayesian"])
def test_a_small_space_is_searched_without_repetition(strategy: str) -> None:
    found: list[Observation] = []
    for index in range(6):
        values = propose(strategy, TABLE, found, index=index, seed=1, maximize=True)
        found.append(Observation(values=values, objective=None if index % 2 else 1.0))
    assert len({tuple(observation.values.items()) for observation in found}) == 6


@pytest.mark.parametrize("maximize", [False, True])
def test_bayesian_search_comes_nearer_than_random_search(maximize: bool) -> None:
    searched = [distance(search("Bayesian", 30, seed=seed, maximize=maximize)[15:]) for seed in range(3)]
    random = [distance(search("Random", 30, seed=seed, maximize=maximize)[15:]) for seed in range(3)]
    assert max(searched) < min(random)


def test_what_a_parent_found_outside_the_space_is_no_hindrance() -> None:
    foreign: list[Values] = [{"x": "17"}, {"y": "1"}, {"x": "many"}]
    known = [Observation(values=values, objective=0.0) for values in foreign]
    proposed = propose("Bayesian", LINE, known, index=0, seed=0, maximize=False)
    assert -5 <= float(proposed["x"]) <= 5
