"""Parts of the holdout (a class, the rows with one value in a column) that must not get worse than the champion's."""

import math
from collections.abc import Iterator
from typing import Any

from shared.descriptor import Gate

from decide_gate.comparison import is_regression, worse_by
from decide_gate.evaluation import Measured

MOST_NAMED = 10


def judge(gate: Gate, *, challenger: Measured, champion: Measured | None) -> tuple[list[str], list[str]]:
    """Objections and notes. A slice with fewer examples than `minimum_examples` is too small to say anything."""
    wanted = gate.get("slices")
    if wanted is None:
        return [], []
    metric = wanted.get("metric") or gate["metric"]
    if not challenger.slices:
        return [f"no slices were measured, and gate.slices wants {metric} of each: let evaluate return them"], []
    found: list[str] = []
    small: list[str] = []
    for name in sorted(challenger.slices.keys() | (champion.slices.keys() if champion else set())):
        mine, theirs = challenger.slices.get(name), champion.slices.get(name) if champion else None
        if min(_examples(one) for one in (mine, theirs) if one is not None) < wanted["minimum_examples"]:
            small.append(name)
        else:
            found += _objections(gate, wanted, f"slice {name}: {metric}", metric, mine, theirs)
    notes = [f"slices with fewer than {wanted['minimum_examples']} examples were not judged: {', '.join(small)}"]
    return _shortened(found), notes if small else []


def _objections(gate: Gate, wanted: dict[str, Any], shown: str, metric: str, mine: Any, theirs: Any) -> Iterator[str]:
    value, before = _value(mine, metric), _value(theirs, metric)
    if value is None:
        yield f"{shown} of the challenger is {(mine or {}).get(metric, 'missing')}, which is not a finite number"
    elif before is not None:
        regression = worse_by(gate["goal"], value, before)
        if is_regression(regression, wanted["max_regression"]):
            yield (
                f"{shown} {value:.6g} is worse than the champion's {before:.6g} by {regression:.6g}, "
                f"more than the {wanted['max_regression']:.6g} allowed"
            )


def _value(values: Any, metric: str) -> float | None:
    value = (values or {}).get(metric)
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if usable else None


def _examples(values: dict[str, Any]) -> float:
    """A slice that does not say how many examples it has counts as large enough."""
    return values.get("examples", math.inf)


def _shortened(found: list[str]) -> list[str]:
    if len(found) <= MOST_NAMED:
        return found
    return [*found[:MOST_NAMED], f"and {len(found) - MOST_NAMED} slices more, which the verdict has"]
