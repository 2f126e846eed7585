# /// script
# requires-python = ">=3.11"
# dependencies = ["scikit-learn==1.9.0", "numpy==2.4.6"]
# ///
"""Writes scikit-learn's 1,797 handwritten digits as training.npz and validation.npz: `sample_data.py FOLDER`.

They stand for clothes, which cannot be shipped: ten classes of 28 x 28 grey levels as well. Real digits (UCI "Optical
Recognition of Handwritten Digits"), 8 x 8 pixels each, are scaled to 20 x 20 in the middle of 28 x 28. A fifth, the
same share of every digit, is for validation. Of the real set's files, `idx_to_npz.py` makes the same two.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

SIZE, INNER = 28, 20
HELD_OUT = 5  # every fifth of each digit, after shuffling
SEED = 0


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Images (uint8, N x 28 x 28, 0 is background) and labels (uint8, N)."""
    source = load_digits()
    weights = _interpolation(source.images.shape[1], INNER)
    inner = weights @ (source.images * (255 / 16)) @ weights.T
    margin = (SIZE - INNER) // 2
    images = np.pad(inner.round().astype(np.uint8), ((0, 0), (margin, margin), (margin, margin)))
    return images, source.target.astype(np.uint8)


def held_out(labels: np.ndarray) -> np.ndarray:
    """A mask of the images to validate with: a fifth of every digit."""
    chosen = np.zeros(len(labels), dtype=bool)
    random = np.random.default_rng(SEED)
    for label in np.unique(labels):
        indices = random.permutation(np.flatnonzero(labels == label))
        chosen[indices[::HELD_OUT]] = True
    return chosen


def write(folder: Path) -> None:
    images, labels = digits()
    validation = held_out(labels)
    folder.mkdir(parents=True, exist_ok=True)
    for channel, chosen in (("training", ~validation), ("validation", validation)):
        np.savez_compressed(folder / f"{channel}.npz", image=images[chosen], label=labels[chosen])


def _interpolation(source: int, target: int) -> np.ndarray:
    """The matrix (target x source) of linear interpolation between the centres of pixels."""
    centres = ((np.arange(target) + 0.5) * source / target - 0.5).clip(0, source - 1)
    return np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(source)))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    write(Path(sys.argv[1]))
