"""The decision itself: numbers in, reasons out. The model passes when there is no reason against it."""

import math

from shared.descriptor import Gate


def objections(gate: Gate, *, challenger: float, champion: float | None) -> list[str]:
    """Why the challenger must not be registered; empty when it passes.

    `goal: maximize` wants large values, `minimize` small ones; `minimum` is the worst value that passes. `champion` is
    None
    when there is none to compare with, or when it could not be evaluated: then only `minimum` counts.
    """
    metric = gate["metric"]
    if not math.isfinite(challenger):
        return [f"{metric} of the challenger is {challenger}, which is not a finite number"]
    found = []
    limit = gate["minimum"]
    if limit is not None and _worse_by(gate, challenger, limit) > 0:
        side = "below the minimum" if gate["goal"] == "maximize" else "above the limit"
        found.append(f"{metric} {challenger:.6g} is {side} {limit:.6g}")
    allowed = gate["max_regression"]
    if champion is not None and allowed is not None:
        regression = _worse_by(gate, challenger, champion)
        if regression > allowed and not math.isclose(regression, allowed, abs_tol=1e-9):
            found.append(
                f"{metric} {challenger:.6g} is worse than the champion's {champion:.6g} by {regression:.6g}, "
                f"more than the {allowed:.6g} allowed"
            )
    return found


def _worse_by(gate: Gate, value: float, reference: float) -> float:
    """How much worse `value` is than `reference`, negative when it is better, in the metric's unit."""
    return reference - value if gate["goal"] == "maximize" else value - reference
