"""How well scores rank."""

from __future__ import annotations

import numpy as np


def area_under_curve(truth: np.ndarray, scores: np.ndarray) -> float:
    """The probability that a positive scores higher than a negative, ties counted half (Mann and Whitney's U)."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    positives = truth.sum()
    negatives = len(truth) - positives
    if not positives or not negatives:
        raise ValueError("the area under the curve needs rows of both classes")
    return float((ranks[truth == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))
