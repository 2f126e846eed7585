"""Trains a digit classifier. In a SageMaker container the defaults come from SM_*; by hand:

python train.py --train DATA --test DATA --model-dir MODEL --epochs 2
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

NETWORK_NAMES = ("mlp", "cnn", "vgg", "resnet")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Hyperparameters (`--batch_size` as SageMaker has it, or `--batch-size`) and folders."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])

    def hyperparameter(name: str, **options: object) -> None:
        spellings = dict.fromkeys([f"--{name}", f"--{name.replace('_', '-')}"])
        parser.add_argument(*spellings, **options)

    hyperparameter("epochs", type=int, default=6)
    hyperparameter("batch_size", type=int, default=128, help="images per step and device")
    hyperparameter("learning_rate", type=float, default=0.003, help="the highest one of the cycle")
    hyperparameter("network", choices=NETWORK_NAMES, default="cnn")
    hyperparameter("dropout", type=float, default=0.25)
    hyperparameter("seed", type=int, default=1)
    hyperparameter("find_learning_rate", type=_boolean, nargs="?", const=True, default=False, metavar="true|false")
    for name, variable, text in _FOLDERS:
        folder = os.environ.get(variable)
        required = name in ("--train", "--test", "--model-dir") and folder is None
        parser.add_argument(name, type=Path, default=folder, required=required, help=f"{text} (default: ${variable})")
    return parser.parse_args(arguments)


_FOLDERS = (
    ("--train", "SM_CHANNEL_TRAIN", "holds train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz"),
    ("--test", "SM_CHANNEL_TEST", "holds t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz"),
    ("--model-dir", "SM_MODEL_DIR", "gets the trained model"),
    ("--output-data-dir", "SM_OUTPUT_DATA_DIR", "gets TensorBoard and CSV logs; none without it"),
    ("--checkpoint-dir", "SM_CHECKPOINT_DIR", "gets checkpoints, and is resumed from; none without it"),
)


def _boolean(text: str) -> bool:
    values = {"true": True, "false": False, "1": True, "0": False}
    if text.lower() not in values:
        raise argparse.ArgumentTypeError(f"expected true or false, got {text!r}")
    return values[text.lower()]


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    # Threads that spin while they wait take the processor from whoever shares the machine. Read when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("TQDM_DISABLE", "1")  # progress bars are noise in a log
    # After parsing, so that a wrong argument is told at once: these take seconds.
    import training

    training.run(options)


if __name__ == "__main__":
    main(sys.argv[1:])
