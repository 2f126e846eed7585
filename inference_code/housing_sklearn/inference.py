"""Serves the house-price regression: rows of features -> prices."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rows import to_matrix
from server import artifacts
from shared import table
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.pipeline import Pipeline

TYPES = (
    "sklearn.linear_model._base.LinearRegression",
    "sklearn.pipeline.Pipeline",
    "sklearn.preprocessing._data.StandardScaler",
)
"""What training writes, and so all that a model may hold."""


@dataclass(frozen=True)
class Model:
    """The pipeline takes the columns `features` in this order."""

    pipeline: Pipeline
    features: tuple[str, ...]
    target: str


def model_fn(model_dir: str) -> Model:
    description = json.loads((Path(model_dir) / "config.json").read_text("utf-8"))
    pipeline = artifacts.load_skops(Path(model_dir) / "model.skops", types=TYPES)
    return Model(pipeline, tuple(description["features"]), description["target"])


def predict_fn(data: Any, model: Model) -> list[float]:
    """A price a row; the rows may be lists of numbers, or objects by feature. Raises InvalidInput (400)."""
    return model.pipeline.predict(to_matrix(data, model.features)).tolist()


def holdout_instances(model: Model, holdout_dir: str) -> list[list[float]]:
    """The rows of test.csv without the price. Raises table.InvalidTable, FileNotFoundError."""
    return table.read(Path(holdout_dir) / "test.csv").select(model.features).tolist()


def evaluate(model: Model, holdout_dir: str) -> dict[str, float]:
    """Mean squared error and R2 on test.csv. Raises table.InvalidTable, FileNotFoundError."""
    held_out = table.read(Path(holdout_dir) / "test.csv")
    truth, predicted = held_out.column(model.target), model.pipeline.predict(held_out.select(model.features))
    return {
        "mse": float(mean_squared_error(truth, predicted)),
        "r2": float(r2_score(truth, predicted)),
        "examples": len(truth),
    }
