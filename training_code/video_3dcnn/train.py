"""Trains a classifier of short videos on what process.py made. In a SageMaker container the defaults come from SM_*:

KERAS_BACKEND=torch python train.py --train TRAIN --validation VALIDATION --classes DATA/classes --model-dir MODEL
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

    hyperparameter("epochs", type=int, default=12)
    hyperparameter("batch_size", type=int, default=16, help="videos per step")
    hyperparameter("nclass", type=int, default=0, help="how many classes; 0: as many as classes.txt names")
    hyperparameter("filters", type=int, default=32, help="of the first two convolutions; the others have twice as many")
    hyperparameter("learning_rate", type=float, default=0.002, help="of Adam, at first; falls to zero along a cosine")
    hyperparameter("seed", type=int, default=1)
    for name, variable, text in _FOLDERS:
        folder = os.environ.get(variable)
        required = name not in _OPTIONAL and folder is None
        parser.add_argument(name, type=Path, default=folder, required=required, help=f"{text} (default: ${variable})")
    return parser.parse_args(arguments)


_FOLDERS = (
    ("--train", "SM_CHANNEL_TRAIN", "holds what process.py made to train with"),
    ("--validation", "SM_CHANNEL_VALIDATION", "holds what it made to validate with"),
    ("--classes", "SM_CHANNEL_CLASSES", "holds classes.txt"),
    ("--model-dir", "SM_MODEL_DIR", "gets the trained model"),
    ("--output-data-dir", "SM_OUTPUT_DATA_DIR", "gets TensorBoard logs; none without it"),
    ("--checkpoint-dir", "SM_CHECKPOINT_DIR", "gets checkpoints, and is resumed from; none without it"),
)
_OPTIONAL = ("--output-data-dir", "--checkpoint-dir")


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
