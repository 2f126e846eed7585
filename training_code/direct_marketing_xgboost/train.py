"""Trains a classifier of phone calls. In a SageMaker container the defaults come from SM_*; by hand:

python train.py --train DATA --validation DATA --model-dir MODEL
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

_FOLDERS = (
    ("--train", "SM_CHANNEL_TRAIN", "holds train.csv"),
    ("--validation", "SM_CHANNEL_VALIDATION", "holds validation.csv"),
    ("--model-dir", "SM_MODEL_DIR", "gets the trained model"),
)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Hyperparameters (`--max_depth` as SageMaker has it, or `--max-depth`) and folders."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])

    def hyperparameter(name: str, **options: object) -> None:
        parser.add_argument(*dict.fromkeys([f"--{name}", f"--{name.replace('_', '-')}"]), **options)

    hyperparameter("max_depth", type=int, default=5)
    hyperparameter("learning_rate", type=float, default=0.1)
    hyperparameter("rounds", type=int, default=100, help="trees at most")
    hyperparameter("early_stopping_rounds", type=int, default=10, help="stop so many trees after the best")
    hyperparameter("subsample", type=float, default=1.0, help="share of the rows that a tree sees")
    hyperparameter("seed", type=int, default=1)
    for name, variable, text in _FOLDERS:
        folder = os.environ.get(variable)
        parser.add_argument(name, type=Path, default=folder, required=folder is None, help=f"{text} (${variable})")
    return parser.parse_known_args(arguments)[0]


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    # XGBoost imports scikit-learn, and that SciPy and pandas, where they are there: three quarters of its start, and
    # nothing here asks for them.
    sys.modules.setdefault("sklearn", None)  # type: ignore[arg-type]
    # After parsing, so that a wrong argument is told at once: this takes a second.
    import training

    training.run(options)


if __name__ == "__main__":
    main(sys.argv[1:])
