# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy==2.4.6"]
# ///
"""Writes 400 made-up neighbourhoods with the columns of the Boston housing data: `sample_data.py FOLDER`.

None of them exists: the price is a linear function of the other columns with noise of 4 (thousand dollars), so that a
linear regression reaches an R2 of about 0.85. The same files come out every time, byte for byte.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import split

ROWS, NOISE, SEED = 400, 4.0, 0
# name: lowest, highest, what the price changes by from the lowest to the highest, decimals
COLUMNS = {
    "crim": (0.0, 90.0, -9.0, 3),
    "zn": (0.0, 100.0, 4.0, 1),
    "indus": (0.5, 28.0, 0.5, 2),
    "chas": (0.0, 1.0, 3.0, 0),
    "nox": (0.38, 0.87, -8.0, 3),
    "age": (3.5, 8.8, 20.0, 3),
    "rm": (3.0, 100.0, 0.1, 1),
    "dis": (1.1, 12.1, -15.0, 4),
    "rad": (1.0, 24.0, 7.0, 0),
    "tax": (187.0, 711.0, -6.0, 0),
    "ptratio": (12.6, 22.0, -9.0, 1),
    "lstat": (1.7, 38.0, -18.0, 2),
}
BASE = 36.0


def neighbourhoods() -> tuple[str, list[str]]:
    """The header, and one line a neighbourhood."""
    random = np.random.default_rng(SEED)
    share = random.random((ROWS, len(COLUMNS)))
    price = BASE + share @ np.array([effect for _, _, effect, _ in COLUMNS.values()]) + random.normal(0, NOISE, ROWS)
    lines = []
    for shares, value in zip(share, price.clip(min=1), strict=True):
        cells = [
            f"{lowest + part * (highest - lowest):.{decimals}f}"
            for part, (lowest, highest, _, decimals) in zip(shares, COLUMNS.values(), strict=True)
        ]
        lines.append(",".join([*cells, f"{value:.1f}"]))
    return ",".join([*COLUMNS, "medv"]), lines


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    split.write(*neighbourhoods(), Path(sys.argv[1]))
