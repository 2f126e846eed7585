"""Traffic follows the weights, exactly and evenly."""

from collections import Counter
from dataclasses import dataclass

import pytest

from localcloud.sagemaker.endpoints.routing import RouteTable, Share, WeightedChoice


@dataclass(frozen=True)
class _Variant:
    name: str
    weight: float
    generation: str = "old"


@dataclass(frozen=True)
class _Fleet:
    variants: tuple[_Variant, ...]


@pytest.mark.parametrize("weights", [(1.0,), (1.0, 1.0), (9.0, 1.0), (5.0, 1.0, 1.0), (0.3, 0.7), (1.0, 0.0)])
def test_every_prefix_of_choices_is_within_one_of_its_share(weights: tuple[float, ...]) -> None:
    choice = WeightedChoice(list(enumerate(weights)))
    counted: Counter[int] = Counter()
    for number in range(1, 201):
        counted[choice.next()] += 1
        for item, weight in enumerate(weights):
            assert abs(counted[item] - number * weight / sum(weights)) <= 1 + 1e-9


def test_nothing_is_chosen_when_nothing_has_a_weight() -> None:
    assert WeightedChoice([("a", 0.0)]).next() is None
    assert WeightedChoice([]).next() is None


def test_a_share_of_the_traffic_is_split_by_the_fleets_own_weights() -> None:
    old = _Fleet((_Variant("a", 30.0), _Variant("b", 10.0)))
    new = _Fleet((_Variant("a", 0.3, "new"), _Variant("b", 0.1, "new")))
    table = RouteTable([Share(old, 0.9), Share(new, 0.1)])
    counted = Counter((chosen.generation, chosen.name) for chosen in (table.choose(None) for _ in range(400)))
    assert counted == {("old", "a"): 270, ("old", "b"): 90, ("new", "a"): 30, ("new", "b"): 10}


def test_a_target_variant_is_found_whatever_its_weight() -> None:
    table = RouteTable([Share(_Fleet((_Variant("a", 1.0), _Variant("b", 0.0))), 1.0)])
    assert {table.choose(None).name for _ in range(20)} == {"a"}
    assert table.choose("b").name == "b"
    assert table.choose("c") is None
