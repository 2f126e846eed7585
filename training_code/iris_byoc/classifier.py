"""Linear discriminant analysis on scaled features: a normal distribution a class, all with the same covariance.

Hastie, Tibshirani, Friedman, The Elements of Statistical Learning, 4.3. What it learns are one weight a feature and
class and one bias a class, so a model is a small JSON document, with the scaler in it: what serves needs nothing else.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from table import Table

MODEL_FILE = "model.json"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The hyperparameters. `shrinkage` (0 to 1) moves the covariance towards independent features of equal spread."""

    label_column: str = "Species"
    ignored: tuple[str, ...] = ("Id",)
    shrinkage: float = 0.0

    @classmethod
    def from_strings(cls, given: dict[str, str]) -> Settings:
        """SageMaker hands every value over as a string. Raises ValueError with the name and the value."""
        known = {"label_column", "ignored_columns", "shrinkage"}
        if unknown := sorted(given.keys() - known):
            raise ValueError(f"hyperparameter {unknown[0]!r} is unknown: known: {', '.join(sorted(known))}")
        ignored = given.get("ignored_columns", ",".join(cls.ignored))
        return cls(
            label_column=given.get("label_column", cls.label_column),
            ignored=tuple(name for name in map(str.strip, ignored.split(",")) if name),
            shrinkage=_share(given.get("shrinkage", str(cls.shrinkage))),
        )


def _share(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:
        raise ValueError(f"hyperparameter shrinkage: {text!r} is not a number from 0 to 1")
    return number


@dataclass(frozen=True, kw_only=True)
class Model:
    """`mean` and `scale` (one a feature) are the scaler's; `weights` is features x classes, `bias` one a class."""

    features: tuple[str, ...]
    classes: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    rows: int

    def predict(self, values: np.ndarray) -> np.ndarray:
        """The most likely class of each row (rows x features, unscaled)."""
        scores = (values - self.mean) / self.scale @ self.weights + self.bias
        return np.array(self.classes)[scores.argmax(axis=1)]

    def save(self, folder: Path) -> None:
        """As JSON: nothing in it can run when it is read."""
        numbers = {name: getattr(self, name).tolist() for name in ("mean", "scale", "weights", "bias")}
        document = {"features": self.features, "classes": self.classes, "rows": self.rows, **numbers}
        (folder / MODEL_FILE).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def fit(table: Table, settings: Settings) -> Model:
    """Raises ValueError where the rows do not tell classes or features apart."""
    classes, codes = np.unique(table.labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"the training data has one class only: {classes[0]!r}; two are needed")
    mean, scale = table.values.mean(axis=0), table.values.std(axis=0)
    if not scale.all():
        constant = table.features[int(scale.argmin())]
        raise ValueError(f"column {constant} has the same value in every row: put it into ignored_columns")
    scaled = (table.values - mean) / scale
    means = np.array([scaled[codes == code].mean(axis=0) for code in range(len(classes))])
    weights = _solve(_covariance(scaled - means[codes], len(classes), settings.shrinkage), means.T)
    shares = np.bincount(codes) / len(codes)
    return Model(
        features=table.features,
        classes=tuple(map(str, classes)),
        mean=mean,
        scale=scale,
        weights=weights,
        bias=np.log(shares) - 0.5 * (means * weights.T).sum(axis=1),
        rows=len(codes),
    )


def accuracy(model: Model, table: Table) -> float:
    """The share of rows whose class is predicted. Raises ValueError where the columns are others than in training."""
    if table.features != model.features:
        raise ValueError(f"the columns {table.features} are not those of the training data: {model.features}")
    return float((model.predict(table.values) == table.labels).mean())


def _covariance(residuals: np.ndarray, classes: int, shrinkage: float) -> np.ndarray:
    """Within the classes (features x features)."""
    if len(residuals) <= classes:
        raise ValueError(f"{len(residuals)} rows are too few for {classes} classes")
    found = residuals.T @ residuals / (len(residuals) - classes)
    return (1 - shrinkage) * found + shrinkage * np.trace(found) / len(found) * np.eye(len(found))


def _solve(covariance: np.ndarray, means: np.ndarray) -> np.ndarray:
    if np.linalg.cond(covariance) > 1 / np.finfo(float).eps:
        raise ValueError("some columns follow from others: ignore one of them, or give a shrinkage above 0")
    return np.linalg.solve(covariance, means)
