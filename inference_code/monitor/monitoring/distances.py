"""How far two samples are apart: the population stability index and the Kolmogorov-Smirnov distance."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence

BINS = 10
CATEGORIES = 20
OTHERS = "(others)"
_FLOOR = 0.5
"""Added to every count, so that an empty bin is not infinitely far away."""
_NORMAL_QUANTILE = 3.0902
"""Of 0.999: of a thousand columns that did not change, one is taken for changed."""


def edges(values: Sequence[float]) -> list[float]:
    """The inner bounds of at most `BINS` bins with as many of `values` each. Few different values: a bin each."""
    distinct = sorted(set(values))
    if len(distinct) <= BINS:
        return distinct[1:]
    ordered = sorted(values)
    return sorted({ordered[len(ordered) * part // BINS] for part in range(1, BINS)} - {distinct[0]})


def counts(values: Sequence[float], bounds: Sequence[float]) -> list[int]:
    """How many of `values` are in each of `len(bounds) + 1` bins; a bound belongs to the bin above it."""
    found = [0] * (len(bounds) + 1)
    for value in values:
        found[bisect_right(bounds, value)] += 1
    return found


def categories(values: Sequence[str]) -> list[str]:
    """The most frequent ones, and one for all others."""
    return [*(value for value, _ in Counter(values).most_common(CATEGORIES)), OTHERS]


def category_counts(values: Sequence[str], names: Sequence[str]) -> list[int]:
    found = Counter(value if value in names else OTHERS for value in values)
    return [found[name] for name in names]


def psi(expected: Sequence[int], actual: Sequence[int]) -> float:
    """Population stability index of two histograms over the same bins: 0 for the same shares; 0.1 to 0.2 is commonly
    called a moderate change, above 0.2 a large one.
    """
    before, after = sum(expected) + _FLOOR * len(expected), sum(actual) + _FLOOR * len(actual)
    shares = [((a + _FLOOR) / after, (b + _FLOOR) / before) for a, b in zip(actual, expected)]
    return math.fsum((new - old) * math.log(new / old) for new, old in shares)


def chance(expected: int, actual: int, bins: int) -> float:
    """The index that samples of these sizes from one and the same distribution stay below, 999 times of 1,000.

    Without a change the index is distributed as (1/n + 1/m) times chi-square with bins - 1 degrees of freedom
    (B. Yurdakul, "Statistical Properties of Population Stability Index", 2018); its quantile by Wilson and Hilferty.
    """
    freedom = max(bins - 1, 1)
    part = 2 / (9 * freedom)
    quantile = freedom * (1 - part + _NORMAL_QUANTILE * math.sqrt(part)) ** 3
    return (1 / expected + 1 / actual) * quantile


def kolmogorov_smirnov(expected: Sequence[float], actual: Sequence[float]) -> tuple[float, float]:
    """The largest distance of the two distribution functions, and how probable one as large is by chance."""
    old, new = sorted(expected), sorted(actual)
    distance = max(
        max(
            abs(bisect_right(old, value) / len(old) - bisect_right(new, value) / len(new)),
            abs(bisect_left(old, value) / len(old) - bisect_left(new, value) / len(new)),
        )
        for value in {*old, *new}
    )
    size = math.sqrt(len(old) * len(new) / (len(old) + len(new)))
    return distance, _kolmogorov((size + 0.12 + 0.11 / size) * distance)


def _kolmogorov(value: float) -> float:
    """The tail of Kolmogorov's distribution; the correction of its argument is Stephens'."""
    if value < 0.2:
        return 1.0
    total = sum((-1) ** (k - 1) * math.exp(-2 * (k * value) ** 2) for k in range(1, 101))
    return min(1.0, max(0.0, 2 * total))
