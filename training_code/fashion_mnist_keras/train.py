"""Trains a classifier of clothes. In a SageMaker container the defaults come from SM_*; by hand:

KERAS_BACKEND=torch python train.py --training DATA --validation DATA --model-dir MODEL --epochs 2
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Hyperparameters (`--batch_size` as SageMaker has it, or `--batch-size`) and folders."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])

    def hyperparameter(name: str, **options: object) -> None:
        spellings = dict.fromkeys([f"--{name}", f"--{name.replace('_', '-')}"])
        parser.add_argument(*spellings, **options)

    hyperparameter("epochs", type=int, default=10)
    hyperparameter("batch_size", type=int, default=128, help="images per step")
    hyperparameter("learning_rate", type=float, default=0.002, help="of Adam, at first; falls to zero along a cosine")
    hyperparameter("dropout", type=float, default=0.3)
    hyperparameter("seed", type=int, default=1)
    for name, variable, text in _FOLDERS:
        folder = os.environ.get(variable)
        required = name in ("--training", "--validation", "--model-dir") and folder is None
        parser.add_argument(name, type=Path, default=folder, required=required, help=f"{text} (default: ${variable})")
    return parser.parse_args(arguments)


_FOLDERS = (
    ("--training", "SM_CHANNEL_TRAINING", "holds training.npz"),
    ("--validation", "SM_CHANNEL_VALIDATION", "holds validation.npz"),
    ("--model-dir", "SM_MODEL_DIR", "gets the trained model"),
    ("--output-data-dir", "SM_OUTPUT_DATA_DIR", "gets TensorBoard logs; none without it"),
    ("--checkpoint-dir", "SM_CHECKPOINT_DIR", "gets checkpoints, and is resumed from; none without it"),
)


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        sys.exit("train.py trains on one device: set instance.count to 1 and choose an instance with one GPU at most")
    os.environ.setdefault("KERAS_BACKEND", "torch")
    # Threads that spin while they wait take the processor from whoever shares the machine. Read when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # After parsing, so that a wrong argument is told at once: these take seconds.
    import training

    training.run(options)


if __name__ == "__main__":
    main(sys.argv[1:])
