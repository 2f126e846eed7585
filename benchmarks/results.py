"""What every benchmark does alike: sides in turns, ratios of each round, medians, goals."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from benchmarks import machine

Result = dict[str, Any]
"""`{"ratios": {name: median}, "spread": {name: [least, most]}, "goals": {name: text}, "missed": [names],
"runs": [...], "machine": {...}, "load_average": [at the start of the last minute, at the end]}`."""
Figures = TypeVar("Figures")


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What a ratio is to be: at least, at most, or both."""

    minimum: float | None = None
    maximum: float | None = None

    def met(self, ratio: float) -> bool:
        return (self.minimum is None or ratio >= self.minimum) and (self.maximum is None or ratio <= self.maximum)

    def __str__(self) -> str:
        limits = ((">=", self.minimum), ("<=", self.maximum))
        return " and ".join(f"{sign} {limit:g}" for sign, limit in limits if limit is not None)


def alternate(rounds: int, sides: Mapping[str, Callable[[], Figures]]) -> list[dict[str, Figures]]:
    """What each side measured, a dict a round. The order turns round every time (A B, B A, ...), so that neither a
    machine that gets slower nor what one side leaves behind favours the other.
    """
    runs = []
    for number in range(rounds):
        order = list(sides) if number % 2 == 0 else list(reversed(sides))
        measured = {name: sides[name]() for name in order}
        runs.append({name: measured[name] for name in sides})
    return runs


def summarise(
    runs: list[dict[str, Any]], ratios: Callable[[dict[str, Any]], dict[str, float]], goals: Mapping[str, Goal]
) -> Result:
    """The result of `runs`, of each of which `ratios` tells the ratios by name. Raises ValueError for a goal of a ratio
    that no run has.
    """
    rounds = [ratios(run) for run in runs]
    found = {name: [ratio[name] for ratio in rounds if name in ratio] for ratio in rounds for name in ratio}
    unknown = sorted(goals.keys() - found.keys())
    if unknown:
        raise ValueError(f"no run has the ratio {unknown[0]!r}, which has a goal; there are {', '.join(found)}")
    medians = {name: statistics.median(values) for name, values in found.items()}
    return {
        "ratios": medians,
        "spread": {name: [min(values), max(values)] for name, values in found.items()},
        "goals": {name: str(goal) for name, goal in goals.items()},
        "missed": [name for name, goal in goals.items() if not goal.met(medians[name])],
        "runs": runs,
        "machine": machine.describe(),
        "load_average": list(os.getloadavg()[:2]),
    }
