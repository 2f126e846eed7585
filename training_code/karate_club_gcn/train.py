"""Trains a graph convolutional network on one graph. In a SageMaker container the defaults come from SM_*; by hand:

python train.py --train DATA --model-dir MODEL
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

_FOLDERS = (
    ("--train", "SM_CHANNEL_TRAIN", "holds edges.csv and known.csv"),
    ("--model-dir", "SM_MODEL_DIR", "gets the trained model"),
)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Hyperparameters (`--learning_rate` as SageMaker has it, or `--learning-rate`) and folders."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--learning_rate", "--learning-rate", type=float, default=0.1)
    parser.add_argument("--hidden", type=int, default=5, help="values of a node between the two convolutions")
    parser.add_argument("--seed", type=int, default=1)
    for name, variable, text in _FOLDERS:
        folder = os.environ.get(variable)
        parser.add_argument(name, type=Path, default=folder, required=folder is None, help=f"{text} (${variable})")
    return parser.parse_known_args(arguments)[0]


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    # After parsing, so that a wrong argument is told at once: this takes seconds.
    import training

    training.run(options)


if __name__ == "__main__":
    main(sys.argv[1:])
