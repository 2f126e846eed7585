"""Two values of one metric."""

import math


def worse_by(goal: str, value: float, reference: float) -> float:
    """How much worse `value` is than `reference`, negative when it is better, in the metric's unit.

    `goal: maximize` wants large values, `minimize` small ones.
    """
    return reference - value if goal == "maximize" else value - reference


def is_regression(worse: float, allowed: float) -> bool:
    """Whether `worse` is more than is allowed. Being worse by exactly that much, and a tie, is not."""
    return worse > allowed and not math.isclose(worse, allowed, abs_tol=1e-9)
