"""Serves the classifier of clothes with Keras: images of 28 x 28 grey levels (0 to 255) -> label, probabilities."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

# Read when Keras is imported. A .keras file belongs to no engine; JAX is the smallest one that computes convolutions.
os.environ.setdefault("KERAS_BACKEND", "jax")

import arrays
import keras
import numpy as np
from images import to_images
from server import artifacts, formats

CONTENT_TYPES = (formats.JSON, formats.JSON_LINES, formats.NPY)
_AT_ONCE = 256
_SMALLEST = 1e-7  # a probability's: what float32 rounds to nothing must not make the loss infinite


def model_fn(model_dir: str) -> keras.Model:
    """The model, and nothing that could run. Raises artifacts.RefusedArtifact."""
    model = artifacts.load_keras(Path(model_dir) / "model.keras")
    _probabilities(np.zeros((1, *arrays.SHAPE), dtype=np.float32), model)  # compiles before the first request comes
    return model


def input_fn(body: bytes, content_type: str) -> np.ndarray:
    """JSON `{"instances": [28 x 28 numbers from 0 to 255, ...]}`, JSON Lines with one image a line, or an npy array of
    N x 28 x 28. ValueError names what is wrong.
    """
    instances = formats.instances(body, content_type)
    # Of an array, too, the first wrong value is named; a picture has few.
    return to_images(instances if isinstance(instances, list) else instances.tolist())


def predict_fn(data: np.ndarray, model: keras.Model) -> list[dict[str, Any]]:
    """For each image `{"label": int, "probabilities": [10 floats]}`."""
    probabilities = _probabilities(data, model)
    labels = probabilities.argmax(axis=1)
    return [
        {"label": int(label), "probabilities": row.tolist()} for label, row in zip(labels, probabilities, strict=True)
    ]


def evaluate(model: keras.Model, holdout_dir: str) -> dict[str, float]:
    """Accuracy and cross entropy on validation.npz. Raises arrays.InvalidArrays, FileNotFoundError."""
    images, labels = arrays.read(Path(holdout_dir), "validation")
    probabilities = _probabilities(images, model)
    right = probabilities.argmax(axis=1) == labels
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    loss = -np.log(chosen.clip(_SMALLEST)).mean()
    return {"accuracy": float(right.mean()), "loss": float(loss), "examples": len(labels)}


def _probabilities(images: np.ndarray, model: keras.Model) -> np.ndarray:
    starts = range(0, len(images), _AT_ONCE)
    return np.concatenate([_of_batch(images[start : start + _AT_ONCE], model) for start in starts])


def _of_batch(images: np.ndarray, model: keras.Model) -> np.ndarray:
    """Filled up to a power of two: JAX compiles for each number of images anew, so there must be few of them."""
    size = 1 << (len(images) - 1).bit_length()
    filled = np.zeros((size, *images.shape[1:]), dtype=np.float32)
    filled[: len(images)] = images
    return keras.ops.convert_to_numpy(model(filled, training=False))[: len(images)]
