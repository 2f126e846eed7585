"""model.json, as `training_code/iris_byoc/classifier.py` writes it -> predictions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np


class InvalidModel(ValueError):
    """model.json is not what training writes."""


@dataclass(frozen=True)
class LinearModel:
    """One score a class, linear in the scaled features; the highest wins."""

    features: tuple[str, ...]
    classes: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    @classmethod
    def load(cls, folder: Path) -> LinearModel:
        """Raises InvalidModel, OSError. JSON: whoever wrote the file, nothing in it runs."""
        try:
            document = json.loads((folder / "model.json").read_text(encoding="utf-8"))
            numbers = [np.asarray(document[name], dtype=float) for name in ("mean", "scale", "weights", "bias")]
            model = cls(tuple(document["features"]), tuple(document["classes"]), *numbers)
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidModel(f"model.json is not what training writes: {type(error).__name__}: {error}") from error
        model._check()
        return model

    def predict(self, rows: list[list[float]]) -> list[str]:
        """The class of each row, whose numbers are in the order of `features`."""
        scores = (np.array(rows) - self.mean) / self.scale @ self.weights + self.bias
        return [self.classes[index] for index in scores.argmax(axis=1)]

    def _check(self) -> None:
        features, classes = len(self.features), len(self.classes)
        shapes = {"mean": (features,), "scale": (features,), "weights": (features, classes), "bias": (classes,)}
        for name, shape in shapes.items():
            found = getattr(self, name)
            if found.shape != shape or not np.isfinite(found).all():
                raise InvalidModel(f"model.json: {name} has shape {found.shape}: needed: {shape}, finite numbers")
