"""Trains boosted trees on hashed word counts. In a SageMaker container the defaults come from SM_*; by hand:

python train.py --train FEATURES --validation FEATURES --model-dir MODEL
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import xgboost
from features import Features, read

_FOLDERS = (
    ("--train", "SM_CHANNEL_TRAIN", "holds libsvm/ and schema/, as process.py writes them"),
    ("--validation", "SM_CHANNEL_VALIDATION", "the held-out fifth, the same"),
    ("--model-dir", "SM_MODEL_DIR", "gets model.ubj and config.json"),
)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Hyperparameters (`--max_depth` as SageMaker has it, or `--max-depth`) and folders."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])

    def hyperparameter(name: str, **options: object) -> None:
        spellings = dict.fromkeys([f"--{name}", f"--{name.replace('_', '-')}"])
        parser.add_argument(*spellings, **options)

    hyperparameter("rounds", type=int, default=25, help="how many trees")
    hyperparameter("max_depth", type=int, default=10)
    hyperparameter("learning_rate", type=float, default=0.3)
    hyperparameter("seed", type=int, default=1)
    for name, variable, text in _FOLDERS:
        folder = os.environ.get(variable)
        parser.add_argument(name, type=Path, default=folder, required=folder is None, help=f"{text} (${variable})")
    return parser.parse_args(arguments)


def train(options: argparse.Namespace, examples: Features, held_out: Features) -> xgboost.Booster:
    parameters = {
        "objective": "binary:logistic",
        "eval_metric": ["logloss", "error"],
        "max_depth": options.max_depth,
        "eta": options.learning_rate,
        "seed": options.seed,
    }
    watched = [(_matrix(examples), "train"), (_matrix(held_out), "validation")]
    return xgboost.train(
        parameters, watched[0][0], options.rounds, evals=watched, verbose_eval=False, callbacks=[_Report()]
    )


class _Report(xgboost.callback.TrainingCallback):
    """One line a round, from which workload.yaml reads the metrics."""

    def after_iteration(self, model: xgboost.Booster, epoch: int, evals_log: dict) -> bool:
        figures = {f"{side}_loss": values["logloss"][-1] for side, values in evals_log.items()}
        figures |= {f"{side}_accuracy": 1 - values["error"][-1] for side, values in evals_log.items()}
        print(f"round={epoch + 1}", *(f"{name}={value:.4f}" for name, value in figures.items()), flush=True)
        return False


def _matrix(features: Features) -> xgboost.DMatrix:
    return xgboost.DMatrix(features.counts, features.labels)


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    examples, held_out = read(options.train), read(options.validation)
    model = train(options, examples, held_out)
    options.model_dir.mkdir(parents=True, exist_ok=True)
    model.save_model(options.model_dir / "model.ubj")
    config = {"buckets": examples.buckets, "rounds": options.rounds}
    (options.model_dir / "config.json").write_text(json.dumps(config), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
