# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy==2.4.6"]
# ///
"""Cuts one CSV file, plain or .gz, into the two files of a data set: `split.py FILE FOLDER [SHARE] [SEED]`.

A twentieth of the rows, drawn at random with a seed, is for validation; the article's split had no seed.
"""

from __future__ import annotations

import gzip
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

SHARE, SEED = 0.05, 123


def write(header: str, rows: Sequence[str], folder: Path, *, share: float = SHARE, seed: int = SEED) -> None:
    """train.csv and validation.csv with the same header."""
    held_out = math.ceil(len(rows) * share)
    drawn = np.random.RandomState(seed).permutation(len(rows))
    folder.mkdir(parents=True, exist_ok=True)
    for name, indices in (("validation", drawn[:held_out]), ("train", drawn[held_out:])):
        lines = [header, *(rows[index] for index in indices)]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(arguments: Sequence[str]) -> None:
    if not 2 <= len(arguments) <= 4:
        sys.exit(__doc__.partition("\n")[0])
    file, folder, share, seed = [*arguments, *(str(SHARE), str(SEED))[len(arguments) - 2 :]]
    content = Path(file).read_bytes()
    text = (gzip.decompress(content) if file.endswith(".gz") else content).decode("utf-8")
    header, *rows = text.splitlines()
    write(header, rows, Path(folder), share=float(share), seed=int(seed))


if __name__ == "__main__":
    main(sys.argv[1:])
