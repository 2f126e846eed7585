# /// script
# requires-python = ">=3.11"
# dependencies = ["scikit-learn==1.9.0"]
# ///
"""Writes scikit-learn's 150 irises as train.csv and test.csv: `sample_data.py FOLDER`.

They are Fisher's measurements (public domain; UCI "Iris"), in the columns of the usual Iris.csv. The first of every
five rows of a species is held out. The same files come out every time, byte for byte.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from sklearn.datasets import load_iris

COLUMNS = ("Id", "SepalLengthCm", "SepalWidthCm", "PetalLengthCm", "PetalWidthCm", "Species")
HELD_OUT = 5


def rows() -> list[tuple[object, ...]]:
    iris = load_iris()
    species = [f"Iris-{iris.target_names[code]}" for code in iris.target]
    return [
        (number, *map(float, flower), name)
        for number, (flower, name) in enumerate(zip(iris.data, species, strict=True), start=1)
    ]


def split(found: list[tuple[object, ...]]) -> dict[str, list[tuple[object, ...]]]:
    """Rows for training and for testing, each species' fifth of them; the species is the last column."""
    seen: dict[object, int] = {}
    parts: dict[str, list[tuple[object, ...]]] = {"train": [], "test": []}
    for row in found:
        number = seen.setdefault(row[-1], 0)
        parts["train" if number % HELD_OUT else "test"].append(row)
        seen[row[-1]] += 1
    return parts


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in split(rows()).items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *part])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    write(Path(sys.argv[1]))
