"""What a workload's `evaluate` measured, checked.

It returns `{metric: number}`, or, to be judged by parts of the holdout as well,
`{"metrics": {metric: number}, "slices": {"class=3": {"examples": 36, metric: number}}}`.
NaN and the infinities stay: a model that diverged is the gate's to refuse, with a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Numbers = dict[str, float]


def parse(returned: Any) -> tuple[Numbers, dict[str, Numbers]]:
    """Metrics and slices. Raises ValueError that names what is not a number."""
    if not isinstance(returned, Mapping):
        raise ValueError(f"evaluate returned {type(returned).__name__}; expected a dict of numbers")
    if not isinstance(returned.get("metrics"), Mapping):
        return _numbers("the metric", returned), {}
    unknown = sorted(map(str, returned.keys() - {"metrics", "slices"}))
    if unknown:
        raise ValueError(f"evaluate: {unknown[0]!r} beside 'metrics': allowed: metrics, slices")
    slices = returned.get("slices") or {}
    found = {str(name): _numbers(f"slice {name!r}:", values) for name, values in slices.items()}
    return _numbers("the metric", returned["metrics"]), found


def _numbers(what: str, values: Mapping[str, Any]) -> Numbers:
    return {str(name): _number(f"{what} {name!r}", value) for name, value in values.items()}


def _number(name: str, value: Any) -> float:
    number = value.item() if hasattr(value, "item") else value
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError(f"evaluate: {name} is {number!r:.80}, not a number")
    return number
