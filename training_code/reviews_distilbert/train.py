"""Fine-tunes DistilBERT on labelled reviews. In a SageMaker container the defaults come from SM_*; by hand:

python train.py --train DATA --test DATA --pretrained WEIGHTS --model-dir MODEL --epochs 2
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

_FOLDERS = (
    ("--train", "SM_CHANNEL_TRAIN", "holds train*.jsonl"),
    ("--test", "SM_CHANNEL_TEST", "holds test*.jsonl"),
    ("--pretrained", "SM_CHANNEL_PRETRAINED", "holds config.json, model.safetensors and the tokenizer's files"),
    ("--model-dir", "SM_MODEL_DIR", "gets the fine-tuned model and its tokenizer"),
)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Hyperparameters (`--batch_size` as SageMaker has it, or `--batch-size`) and folders."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])

    def hyperparameter(name: str, **options: object) -> None:
        spellings = dict.fromkeys([f"--{name}", f"--{name.replace('_', '-')}"])
        parser.add_argument(*spellings, **options)

    hyperparameter("epochs", type=int, default=1)
    hyperparameter("batch_size", type=int, default=32, help="reviews per step and process")
    hyperparameter("learning_rate", type=float, default=0.00005, help="of the first step; it falls to zero")
    hyperparameter("max_length", type=int, default=512, help="tokens of a review that are looked at")
    hyperparameter("seed", type=int, default=1)
    for name, variable, text in _FOLDERS:
        folder = os.environ.get(variable)
        parser.add_argument(name, type=Path, default=folder, required=folder is None, help=f"{text} (${variable})")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    # Everything comes from the channels; a container without a network must not wait for one. Read at import.
    os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TQDM_DISABLE="1")
    # Threads that spin while they wait take the processor from whoever shares the machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # After parsing, so that a wrong argument is told at once: these take seconds.
    import training

    training.run(options)


if __name__ == "__main__":
    main(sys.argv[1:])
