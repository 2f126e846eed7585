# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy==2.4.6"]
# ///
"""Cuts one CSV file into the two files of a data set: `split.py FILE FOLDER [TEST_SHARE] [SEED]`.

The rows are drawn as scikit-learn's `train_test_split(test_size=0.1, random_state=123)` draws them, which is how the
article did it, so that figures can be compared.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

TEST_SHARE, SEED = 0.1, 123


def write(header: str, rows: Sequence[str], folder: Path, *, share: float = TEST_SHARE, seed: int = SEED) -> None:
    """train.csv and test.csv with the same header."""
    held_out = math.ceil(len(rows) * share)
    drawn = np.random.RandomState(seed).permutation(len(rows))
    folder.mkdir(parents=True, exist_ok=True)
    for name, indices in (("test", drawn[:held_out]), ("train", drawn[held_out:])):
        lines = [header, *(rows[index] for index in indices)]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(arguments: Sequence[str]) -> None:
    if not 2 <= len(arguments) <= 4:
        sys.exit(__doc__.partition("\n")[0])
    file, folder, share, seed = [*arguments, *(str(TEST_SHARE), str(SEED))[len(arguments) - 2 :]]
    header, *rows = Path(file).read_text("utf-8").splitlines()
    write(header, rows, Path(folder), share=float(share), seed=int(seed))


if __name__ == "__main__":
    main(sys.argv[1:])
