"""Every column of the recent requests against the same column of the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monitoring import distances, features
from monitoring.features import Value
from monitoring.records import Record

MISSING = "(none)"


def compare(baseline: Sequence[Record], recent: Sequence[Record], threshold: float) -> list[dict[str, Any]]:
    """One document a column, those that drifted the most first (docs/monitoring.md, "report.json")."""
    known = features.vocabulary(instance for record in baseline for instance in record.instances)
    before, after = (_columns(records, known) for records in (baseline, recent))
    found = [
        _column(name, before.get(name, []), after.get(name, []), threshold)
        for name in [*before, *(name for name in after if name not in before)]
    ]
    return sorted(found, key=lambda column: -column["score"])


def _columns(records: Sequence[Record], known: frozenset[str]) -> dict[str, list[Value]]:
    instances = [instance for record in records for instance in record.instances]
    predictions = [prediction for record in records for prediction in record.predictions]
    return {
        **features.columns(instances, prefix="input", vocabulary=known),
        **features.columns(predictions, prefix="prediction"),
    }


def _column(name: str, before: Sequence[Value], after: Sequence[Value], threshold: float) -> dict[str, Any]:
    numeric = all(isinstance(value, float) for value in [*before, *after]) and bool(before) and bool(after)
    measured = _numbers(before, after) if numeric else _texts(before, after)
    chance = distances.chance(max(len(before), 1), max(len(after), 1), len(measured["bins"]))
    score = measured["psi"] if measured["psi"] > chance else 0.0
    return {
        "name": name,
        "kind": "number" if numeric else "category",
        "baseline_values": len(before),
        "recent_values": len(after),
        **measured,
        "chance": chance,
        "score": score,
        "drifted": score >= threshold,
    }


def _numbers(before: Sequence[Any], after: Sequence[Any]) -> dict[str, Any]:
    bounds = distances.edges(before)
    # One value only, in the baseline: what is not that value is in a bin of its own.
    bounds = bounds or [before[0], before[0] + max(abs(before[0]), 1.0) * 1e-9]
    old, new = distances.counts(before, bounds), distances.counts(after, bounds)
    distance, probability = distances.kolmogorov_smirnov(before, after)
    labels = [f"< {bounds[0]:g}", *(f"{bound:g}" for bound in bounds)]
    return {
        "psi": distances.psi(old, new),
        "ks": distance,
        "ks_probability": probability,
        "baseline_mean": sum(before) / len(before),
        "recent_mean": sum(after) / len(after),
        "bins": _bins(labels, old, new),
    }


def _texts(before: Sequence[Value], after: Sequence[Value]) -> dict[str, Any]:
    """A column that one side lacks has nothing but `MISSING` there."""
    old, new = ([str(value) for value in values] or [MISSING] for values in (before, after))
    names = distances.categories(old)
    expected, actual = distances.category_counts(old, names), distances.category_counts(new, names)
    return {"psi": distances.psi(expected, actual), "bins": _bins(names, expected, actual)}


def _bins(labels: Sequence[str], old: Sequence[int], new: Sequence[int]) -> list[dict[str, Any]]:
    return [
        {"label": label[:40], "baseline": before, "recent": after} for label, before, after in zip(labels, old, new)
    ]
