"""Serves the digit classifier with ONNX Runtime: images of 28 x 28 grey levels (0 paper, 255 ink) -> label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from images import read_images
from server import artifacts, formats
from shared import idx

CONTENT_TYPES = formats.MEDIA_TYPES
BATCHED = True
_EVALUATION_BATCH = 512


def model_fn(model_dir: str) -> onnxruntime.InferenceSession:
    return artifacts.load_onnx(Path(model_dir) / "model.onnx")


def input_fn(body: bytes, content_type: str) -> np.ndarray:
    """JSON `{"instances": [28 x 28 numbers from 0 to 255, ...]}`, JSON Lines with one image a line, CSV with its 784
    numbers in a row, or an array N x 28 x 28. ValueError names what is wrong.
    """
    return read_images(body, content_type)


def predict_fn(data: np.ndarray, model: onnxruntime.InferenceSession) -> list[dict[str, Any]]:
    """For each image `{"label": int, "probabilities": [10 floats]}`."""
    probabilities = np.exp(_log_probabilities(data, model))
    labels = probabilities.argmax(axis=1)
    return [
        {"label": int(label), "probabilities": row.tolist()} for label, row in zip(labels, probabilities, strict=True)
    ]


def evaluate(model: onnxruntime.InferenceSession, holdout_dir: str) -> dict[str, Any]:
    """Accuracy and cross entropy on t10k's files, and the accuracy of each digit. Raises idx.InvalidIdxFile,
    FileNotFoundError.
    """
    folder = Path(holdout_dir)
    path = idx.find_file(folder, "t10k-images-idx3-ubyte")
    images = idx.read_images(path)
    if not len(images):
        raise idx.InvalidIdxFile(path, "holds no images")
    labels = idx.read_labels(idx.find_file(folder, "t10k-labels-idx1-ubyte"), images=len(images))
    batches = range(0, len(images), _EVALUATION_BATCH)
    log_probabilities = np.concatenate(
        [_log_probabilities(images[start : start + _EVALUATION_BATCH].astype(np.float32), model) for start in batches]
    )
    right = log_probabilities.argmax(axis=1) == labels
    loss = -log_probabilities[np.arange(len(labels)), labels].mean()
    digits = {
        f"class={digit}": {"accuracy": float(right[labels == digit].mean()), "examples": int((labels == digit).sum())}
        for digit in np.unique(labels)
    }
    return {
        "metrics": {"accuracy": float(right.mean()), "loss": float(loss), "examples": len(labels)},
        "slices": digits,
    }


def _log_probabilities(images: np.ndarray, model: onnxruntime.InferenceSession) -> np.ndarray:
    (logits,) = model.run(["logits"], {"images": images})
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
