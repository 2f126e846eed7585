"""What a row is."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headline.slipway import Slipway


@dataclass(frozen=True)
class Requirement:
    """What a figure has to be, in words and as a test."""

    text: str
    met: Callable[[float], bool]


def at_least(least: float) -> Requirement:
    return Requirement(f">= {least:g}", lambda value: value >= least)


def equal_to(expected: float, *, places: int) -> Requirement:
    """Equal when both are rounded to this many decimals."""
    return Requirement(f"= {expected:.{places}f}", lambda value: f"{value:.{places}f}" == f"{expected:.{places}f}")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number to show. `measured` names it among the run's evaluation metrics, or in what `Row.measure` returns."""

    metric: str
    original: str
    required: Requirement
    measured: str


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A row whose new model serves: `outcome` is what `slipway train --json` printed, `dataset` the folder it got."""

    slipway: Slipway
    workload: str
    dataset: Path
    outcome: Mapping[str, Any]


def _nothing(deployed: Deployed) -> Mapping[str, float]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A workload and what it has to show.

    `prepare(data, folder)` writes the data set into the empty `folder`; `data` is the folder that DATA names, or its
    sub-folder `source` where the row has one. A row without a `source` makes its data itself. `measure` asks the
    deployed model for figures that the evaluation does not have.
    """

    number: int
    workload: str
    figures: tuple[Figure, ...]
    prepare: Callable[[Path, Path], None]
    source: str | None = None
    hyperparameters: Mapping[str, object] = field(default_factory=dict)
    measure: Callable[[Deployed], Mapping[str, float]] = _nothing


def find() -> dict[str, Row]:
    """Every row by its workload's name, in the order of their numbers. Raises ValueError for a misnamed module."""
    from headline import rows

    found = []
    for module in pkgutil.iter_modules(rows.__path__):
        row = importlib.import_module(f"{rows.__name__}.{module.name}").ROW
        if row.workload != module.name:
            raise ValueError(
                f"headline/rows/{module.name}.py: ROW.workload is {row.workload!r}: expected {module.name!r}"
            )
        found.append(row)
    return {row.workload: row for row in sorted(found, key=lambda row: row.number)}
