import math
from typing import Any

import pytest
from decide_gate.evaluation import Measured
from decide_gate.slices import MOST_NAMED, judge

GATE: Any = {
    "metric": "accuracy",
    "goal": "maximize",
    "minimum": None,
    "max_regression": 0.01,
    "slices": {"max_regression": 0.05, "minimum_examples": 10},
}


def measured(**slices: Any) -> Measured:
    """A slice by its accuracy, or by all that was measured of it."""
    whole = {name: one if isinstance(one, dict) else {"accuracy": one, "examples": 20} for name, one in slices.items()}
    return Measured(value=0.9, metrics={"accuracy": 0.9}, slices=whole)


@pytest.mark.parametrize(
    ("challenger", "champion"),
    [
        (measured(a=0.9, b=0.8), measured(a=0.9, b=0.8)),
        (measured(a=0.85), measured(a=0.9)),
        (measured(a=0.1), None),
        (measured(a=0.9, new=0.1), measured(a=0.9)),
        (measured(a=0.9), measured(a=math.nan)),
    ],
    ids=["ties", "worse by exactly what is allowed", "no champion", "a slice it never had", "champion has no number"],
)
def test_slices_that_are_no_worse_pass(challenger: Measured, champion: Measured | None) -> None:
    assert judge(GATE, challenger=challenger, champion=champion) == ([], [])


def test_one_slice_that_got_worse_is_named_whatever_the_others_gained() -> None:
    reasons, _ = judge(GATE, challenger=measured(a=1.0, b=0.7), champion=measured(a=0.5, b=0.8))
    assert reasons == [
        "slice b: accuracy 0.7 is worse than the champion's 0.8 by 0.1, more than the 0.05 allowed",
    ]


def test_the_slices_metric_may_be_another_and_the_goal_is_the_gates() -> None:
    gate = {**GATE, "goal": "minimize", "slices": {"metric": "loss", "max_regression": 0, "minimum_examples": 1}}
    reasons, _ = judge(
        gate,
        challenger=measured(a={"loss": 0.3, "examples": 1}),
        champion=measured(a={"loss": 0.2, "examples": 1}),
    )
    assert reasons == ["slice a: loss 0.3 is worse than the champion's 0.2 by 0.1, more than the 0 allowed"]


def test_a_slice_that_is_too_small_is_not_judged_and_the_note_says_so() -> None:
    small = {"accuracy": 0.1, "examples": 9}
    assert judge(GATE, challenger=measured(a=0.9, b=small), champion=measured(a=0.9, b=1.0)) == (
        [],
        ["slices with fewer than 10 examples were not judged: b"],
    )


@pytest.mark.parametrize(
    ("challenger", "reason"),
    [
        (measured(a=math.nan), "slice a: accuracy of the challenger is nan, which is not a finite number"),
        (measured(a={"f1": 1}), "slice a: accuracy of the challenger is missing, which is not a finite number"),
        (measured(b=0.9), "slice a: accuracy of the challenger is missing, which is not a finite number"),
        (measured(), "no slices were measured, and gate.slices wants accuracy of each: let evaluate return them"),
    ],
)
def test_a_slice_without_a_number_is_an_objection(challenger: Measured, reason: str) -> None:
    reasons, _ = judge(GATE, challenger=challenger, champion=measured(a=0.9))
    assert reasons == [reason]


def test_without_the_manifests_word_slices_are_not_judged() -> None:
    gate = {name: value for name, value in GATE.items() if name != "slices"}
    assert judge(gate, challenger=measured(a=0.1), champion=measured(a=0.9)) == ([], [])


def test_a_thousand_bad_slices_fit_into_a_state() -> None:
    names = {f"s{number}": 0.9 for number in range(1000)}
    worse = dict.fromkeys(names, 0.1)
    reasons, _ = judge(GATE, challenger=measured(**worse), champion=measured(**names))
    assert len(reasons) == MOST_NAMED + 1
    assert reasons[-1] == f"and {1000 - MOST_NAMED} slices more, which the verdict has"
