"""Fits a linear regression on a table of numbers. In a SageMaker container the defaults come from SM_*; by hand:

python train.py --train DATA --test DATA --model-dir MODEL
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

_FOLDERS = (
    ("--train", "SM_CHANNEL_TRAIN", "holds train.csv"),
    ("--test", "SM_CHANNEL_TEST", "holds test.csv"),
    ("--model-dir", "SM_MODEL_DIR", "gets the trained model"),
)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Hyperparameters (`--fit_intercept` as SageMaker has it, or `--fit-intercept`) and folders."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--target", default="medv", help="the column to predict; all others are features")
    parser.add_argument(
        *("--fit_intercept", "--fit-intercept"),
        type=_boolean,
        nargs="?",
        const=True,
        default=True,
        metavar="true|false",
    )
    for name, variable, text in _FOLDERS:
        folder = os.environ.get(variable)
        parser.add_argument(name, type=Path, default=folder, required=folder is None, help=f"{text} (${variable})")
    return parser.parse_known_args(arguments)[0]


def _boolean(text: str) -> bool:
    """`bool("False")` is true: a hyperparameter arrives as text."""
    values = {"true": True, "false": False, "1": True, "0": False}
    if text.lower() not in values:
        raise argparse.ArgumentTypeError(f"expected true or false, got {text!r}")
    return values[text.lower()]


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    # After parsing, so that a wrong argument is told at once: this takes a second.
    import training

    training.run(options)


if __name__ == "__main__":
    main(sys.argv[1:])
