import math
from typing import Any

import pytest
from decide_gate.gate import objections
from hypothesis import given
from hypothesis import strategies as st

MAXIMIZE: Any = {"metric": "accuracy", "goal": "maximize", "minimum": 0.9, "max_regression": 0.01}
MINIMIZE: Any = {"metric": "loss", "goal": "minimize", "minimum": 0.5, "max_regression": 0.1}
VALUES = st.floats(0, 1)


@pytest.mark.parametrize(
    ("gate", "challenger", "champion"),
    [
        (MAXIMIZE, 0.95, None),
        (MAXIMIZE, 0.9, None),
        (MAXIMIZE, 0.95, 0.95),
        (MAXIMIZE, 0.94, 0.95),
        (MAXIMIZE, 0.99, 0.91),
        (MINIMIZE, 0.4, None),
        (MINIMIZE, 0.5, 0.45),
        (MINIMIZE, 0.4, 0.4),
        ({**MAXIMIZE, "minimum": None}, 0.1, None),
    ],
)
def test_a_model_that_is_good_enough_passes(gate: Any, challenger: float, champion: float | None) -> None:
    assert objections(gate, challenger=challenger, champion=champion) == []


@pytest.mark.parametrize(
    ("gate", "challenger", "champion", "reason"),
    [
        (MAXIMIZE, 0.85, None, "accuracy 0.85 is below the minimum 0.9"),
        (MAXIMIZE, 0.93, 0.95, "accuracy 0.93 is worse than the champion's 0.95 by 0.02, more than the 0.01 allowed"),
        (MINIMIZE, 0.6, None, "loss 0.6 is above the limit 0.5"),
        (MINIMIZE, 0.4, 0.2, "loss 0.4 is worse than the champion's 0.2 by 0.2, more than the 0.1 allowed"),
        (MAXIMIZE, math.nan, None, "accuracy of the challenger is nan, which is not a finite number"),
        (MAXIMIZE, math.inf, 0.95, "accuracy of the challenger is inf, which is not a finite number"),
    ],
)
def test_a_model_that_is_not_is_rejected_with_the_numbers(
    gate: Any, challenger: float, champion: float | None, reason: str
) -> None:
    assert objections(gate, challenger=challenger, champion=champion) == [reason]


def test_every_reason_is_given() -> None:
    assert len(objections(MAXIMIZE, challenger=0.5, champion=0.95)) == 2


@given(VALUES, VALUES)
def test_a_tie_with_the_champion_never_counts_as_regression(value: float, allowed: float) -> None:
    gate = {**MAXIMIZE, "minimum": None, "max_regression": allowed}
    assert objections(gate, challenger=value, champion=value) == []


@given(VALUES, VALUES, VALUES)
def test_a_better_model_passes_where_a_worse_one_does(champion: float, one: float, other: float) -> None:
    worse, better = sorted([one, other])
    if not objections(MAXIMIZE, challenger=worse, champion=champion):
        assert not objections(MAXIMIZE, challenger=better, champion=champion)


@given(VALUES, VALUES)
def test_minimize_is_maximize_of_the_negative(champion: float, challenger: float) -> None:
    negated = {"metric": "loss", "goal": "minimize", "minimum": -0.9, "max_regression": 0.01}
    straight = objections(MAXIMIZE, challenger=challenger, champion=champion)
    mirrored = objections(negated, challenger=-challenger, champion=-champion)  # type: ignore[arg-type]
    assert len(straight) == len(mirrored)
