"""Serves the classifier of clothes: images of 28 x 28 grey levels (0 to 255) -> label, probabilities."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from images import read_images
from server import artifacts, formats
from shared import arrays

CONTENT_TYPES = (formats.JSON, formats.JSON_LINES, formats.NPY)
BATCHED = True
_AT_ONCE = 256
_SMALLEST = 1e-7  # a probability's: what float32 rounds to nothing must not make the loss infinite
Network = Callable[[np.ndarray], np.ndarray]


def model_fn(model_dir: str) -> Network:
    """The network, and nothing that could run. Raises artifacts.RefusedArtifact."""
    return artifacts.load_network(model_dir)


def input_fn(body: bytes, content_type: str) -> np.ndarray:
    """JSON `{"instances": [28 x 28 numbers from 0 to 255, ...]}`, JSON Lines with one image a line, or an npy array of
    N x 28 x 28. ValueError names what is wrong.
    """
    return read_images(body, content_type)


def predict_fn(data: np.ndarray, model: Network) -> list[dict[str, Any]]:
    """For each image `{"label": int, "probabilities": [10 floats]}`."""
    probabilities = _probabilities(data, model)
    labels = probabilities.argmax(axis=1)
    return [
        {"label": int(label), "probabilities": row.tolist()} for label, row in zip(labels, probabilities, strict=True)
    ]


def evaluate(model: Network, holdout_dir: str) -> dict[str, float]:
    """Accuracy and cross entropy on validation.npz. Raises arrays.InvalidArrays, FileNotFoundError."""
    images, labels = arrays.read(Path(holdout_dir), "validation")
    probabilities = _probabilities(images, model)
    right = probabilities.argmax(axis=1) == labels
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    loss = -np.log(chosen.clip(_SMALLEST)).mean()
    return {"accuracy": float(right.mean()), "loss": float(loss), "examples": len(labels)}


def _probabilities(images: np.ndarray, model: Network) -> np.ndarray:
    starts = range(0, len(images), _AT_ONCE)
    return np.concatenate([model(images[start : start + _AT_ONCE]) for start in starts])
