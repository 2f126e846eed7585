"""One training run: read, encode, boost, write."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import xgboost
from shared import table
from shared.encoder import Encoder

CATEGORICAL = (
    *("job", "marital", "education", "default", "housing", "loan"),
    *("contact", "month", "day_of_week", "poutcome"),
)
"""Columns of which each value becomes a feature of its own; all others are numbers."""
LABEL = "y"


def run(options: Namespace) -> None:
    """Trains as `options` (train.parse) say and writes the model. Raises table.InvalidTable, FileNotFoundError."""
    train = table.read(options.train / "train.csv")
    validation = table.read(options.validation / "validation.csv")
    columns = tuple(name for name in train.columns if name != LABEL)
    encoder = Encoder.fit(columns, train.select(columns), categorical=CATEGORICAL)
    matrices = {name: _matrix(rows, encoder) for name, rows in (("train", train), ("validation", validation))}
    figures: dict[str, dict[str, list[float]]] = {}
    booster = xgboost.train(
        {
            "objective": "binary:logistic",
            "eval_metric": "auc",
            "max_depth": options.max_depth,
            "learning_rate": options.learning_rate,
            "subsample": options.subsample,
            "seed": options.seed,
        },
        matrices["train"],
        num_boost_round=options.rounds,
        evals=[(matrix, name) for name, matrix in matrices.items()],  # the last one decides when to stop
        early_stopping_rounds=options.early_stopping_rounds,
        evals_result=figures,
        verbose_eval=False,
    )
    best = booster.best_iteration
    metrics = {f"{name}_auc": history["auc"][best] for name, history in figures.items()}
    for number in range(len(figures["train"]["auc"])):
        print(f"round={number + 1} " + _told({f"{n}_auc": h["auc"][number] for n, h in figures.items()}), flush=True)
    print(f"best_round={best + 1} {_told(metrics)}", flush=True)
    _write(booster[: best + 1], encoder, options.model_dir, metrics)


def _matrix(rows: table.Table, encoder: Encoder) -> xgboost.DMatrix:
    features = encoder.transform(rows.select(encoder.columns))
    return xgboost.DMatrix(features, label=rows.labels(LABEL), feature_names=encoder.features)


def _told(figures: dict[str, float]) -> str:
    return " ".join(f"{name}={value:.4f}" for name, value in figures.items())


def _write(booster: xgboost.Booster, encoder: Encoder, folder: Path, metrics: dict[str, float]) -> None:
    """`model.ubj`, the trees up to the best one in XGBoost's own format, and `encoder.json`."""
    booster.save_model(folder / "model.ubj")
    description = {**encoder.description(), "label": LABEL, "metrics": metrics}
    (folder / "encoder.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
