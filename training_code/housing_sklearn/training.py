"""One training run: read, fit, test, write."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import skops.io
from shared import table
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler


def run(options: Namespace) -> None:
    """Trains as `options` (train.parse) say and writes the model. Raises table.InvalidTable, FileNotFoundError."""
    tables = {name: table.read(getattr(options, name) / f"{name}.csv") for name in ("train", "test")}
    features = tuple(name for name in tables["train"].columns if name != options.target)
    model = make_pipeline(StandardScaler(), LinearRegression(fit_intercept=options.fit_intercept))
    model.fit(tables["train"].select(features), tables["train"].column(options.target))
    figures: dict[str, float] = {}
    for name, rows in tables.items():
        truth, predicted = rows.column(options.target), model.predict(rows.select(features))
        figures |= {f"{name}_mse": mean_squared_error(truth, predicted), f"{name}_r2": r2_score(truth, predicted)}
    print(" ".join(f"{name}={value:.4f}" for name, value in figures.items()), flush=True)
    _write(model, options.model_dir, {"target": options.target, "features": features, "metrics": figures})


def _write(model: Pipeline, folder: Path, description: dict[str, object]) -> None:
    """`model.skops`, which holds values and names of types, never code, and `config.json`."""
    skops.io.dump(model, folder / "model.skops")
    (folder / "config.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
