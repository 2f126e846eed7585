"""The decision itself: numbers in, reasons out. The model passes when there is no reason against it."""

import math

from shared.descriptor import Gate

from decide_gate import budgets, slices
from decide_gate.comparison import is_regression, worse_by
from decide_gate.evaluation import Measured


def judge(gate: Gate, *, challenger: Measured, champion: Measured | None) -> tuple[list[str], list[str]]:
    """Objections to the challenger, and notes on what was not judged.

    `champion` is None when there is none to compare with; one that could not be evaluated (`error`) is not compared
    with either: then only the absolute limits count (`minimum`, `max_latency_ms`, `max_model_mb`).
    """
    compared = champion if champion and champion.error is None else None
    found = objections(gate, challenger=challenger.value, champion=compared.value if compared else None)
    worse_slices, notes = slices.judge(gate, challenger=challenger, champion=compared)
    return [*found, *worse_slices, *budgets.objections(gate, challenger=challenger, champion=compared)], notes


def objections(gate: Gate, *, challenger: float, champion: float | None) -> list[str]:
    """Why the challenger's metric must not be registered; empty when it passes.

    `minimum` is the worst value that passes. Equal to the minimum, equal to the champion, and worse than the champion
    by exactly `max_regression` pass.
    """
    metric = gate["metric"]
    if not math.isfinite(challenger):
        return [f"{metric} of the challenger is {challenger}, which is not a finite number"]
    found = []
    limit = gate["minimum"]
    if limit is not None and worse_by(gate["goal"], challenger, limit) > 0:
        side = "below the minimum" if gate["goal"] == "maximize" else "above the limit"
        found.append(f"{metric} {challenger:.6g} is {side} {limit:.6g}")
    allowed = gate["max_regression"]
    if champion is not None and allowed is not None:
        regression = worse_by(gate["goal"], challenger, champion)
        if is_regression(regression, allowed):
            found.append(
                f"{metric} {challenger:.6g} is worse than the champion's {champion:.6g} by {regression:.6g}, "
                f"more than the {allowed:.6g} allowed"
            )
    return found
