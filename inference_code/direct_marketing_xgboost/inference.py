"""Serves the classifier of phone calls: rows of the data file, without the label -> the probability of a yes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from ranking import area_under_curve
from rows import to_features
from server import artifacts
from shared import table
from shared.encoder import Encoder


@dataclass(frozen=True)
class Model:
    """The trees, and how rows become their features."""

    booster: xgboost.Booster
    encoder: Encoder
    label: str

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        # in place: no DMatrix has to be built, and several threads may ask at once
        return self.booster.inplace_predict(features, validate_features=False)


def model_fn(model_dir: str) -> Model:
    description = json.loads((Path(model_dir) / "encoder.json").read_text("utf-8"))
    booster = artifacts.load_xgboost(Path(model_dir) / "model.ubj")
    # The server runs predictions beside each other; one that takes all processors slows all.
    booster.set_param({"nthread": 1})
    return Model(booster, Encoder.from_description(description), description["label"])


def predict_fn(data: Any, model: Model) -> list[float]:
    """A probability a row; the rows may be lists of values, or objects by column. Raises InvalidInput (400)."""
    return model.probabilities(to_features(data, model.encoder)).astype(float).tolist()


def evaluate(model: Model, holdout_dir: str) -> dict[str, float]:
    """Area under the ROC curve and accuracy on validation.csv. Raises table.InvalidTable, FileNotFoundError."""
    held_out = table.read(Path(holdout_dir) / "validation.csv")
    truth = held_out.labels(model.label)
    probabilities = model.probabilities(model.encoder.transform(held_out.select(model.encoder.columns)))
    accuracy = float(((probabilities > 0.5) == truth).mean())
    return {"auc": area_under_curve(truth, probabilities), "accuracy": accuracy, "examples": len(truth)}
