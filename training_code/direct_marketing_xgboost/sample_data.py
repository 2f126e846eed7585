# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy==2.4.6"]
# ///
"""Writes 4,000 made-up phone calls with the columns of the bank marketing data: `sample_data.py FOLDER`.

None of them took place: whether a client subscribes depends on how long the call was, on earlier success, on the month
and on the interest rate, with noise, so that trees reach an AUC of about 0.9. The same files come out every time, byte
for byte.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import split

ROWS, SEED, SHARE = 4000, 0, 0.2
CATEGORIES = {
    "job": range(-1, 11), "marital": range(-1, 3), "education": range(-1, 7), "default": (-1, 0, 1),
    "housing": (-1, 0, 1), "loan": (-1, 0, 1), "contact": (0, 1), "month": range(3, 13), "day_of_week": range(1, 6),
    "poutcome": (-1, 0, 1),
}  # fmt: skip
COLUMNS = (
    *("age", "job", "marital", "education", "default", "housing", "loan", "contact", "month", "day_of_week"),
    *("duration", "campaign", "pdays", "previous", "poutcome", "emp.var.rate", "cons.price.idx", "cons.conf.idx"),
    *("euribor3m", "nr.employed"),
)


def calls() -> tuple[str, list[str]]:
    """The header, and one line a call."""
    random = np.random.default_rng(SEED)
    values = {name: random.choice(list(allowed), ROWS) for name, allowed in CATEGORIES.items()}
    values["age"] = random.integers(18, 90, ROWS)
    values["duration"] = random.gamma(1.6, 160, ROWS).round().astype(int)
    values["campaign"] = random.geometric(0.4, ROWS)
    values["previous"] = np.where(values["poutcome"] < 0, 0, random.integers(1, 4, ROWS))
    values["pdays"] = np.where(values["poutcome"] < 0, 999, random.integers(1, 20, ROWS))
    rate = random.uniform(0.6, 5.0, ROWS).round(3)
    values["euribor3m"] = rate
    values["emp.var.rate"] = (rate - 3.5).round(1)
    values["cons.price.idx"] = random.uniform(92.2, 94.8, ROWS).round(3)
    values["cons.conf.idx"] = random.uniform(-50.8, -26.9, ROWS).round(1)
    values["nr.employed"] = (4950 + 55 * rate).round(1)
    score = values["duration"] / 130 + 2.5 * (values["poutcome"] == 1) + 1.5 * (values["month"] > 8) - 1.2 * rate - 1.5
    values["y"] = (random.random(ROWS) < 1 / (1 + np.exp(-score))).astype(int)
    names = [*COLUMNS, "y"]
    lines = [",".join(map(str, row)) for row in zip(*(values[name].tolist() for name in names), strict=True)]
    return ",".join(names), lines


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    split.write(*calls(), Path(sys.argv[1]), share=SHARE)
