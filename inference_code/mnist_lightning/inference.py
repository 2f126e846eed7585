"""Digits: 28 x 28 grey levels (0 is paper, 255 is ink) in; a label and ten probabilities out.

The model is the ONNX file that training exported and checked against the network, so that serving needs no PyTorch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import idx
import numpy as np
import onnxruntime

SHAPE = (28, 28)
BATCH = 512


def model_fn(model_dir: str) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(Path(model_dir) / "model.onnx", providers=["CPUExecutionProvider"])


def input_fn(body: bytes, content_type: str) -> np.ndarray:
    """float32 of shape (n, 28, 28), 0 to 255. Raises ValueError that names the instance at fault."""
    document = json.loads(body)
    instances = document.get("instances") if isinstance(document, dict) else None
    if not isinstance(instances, list) or not instances:
        raise ValueError('expected a JSON object with a list of images, not empty, under "instances"')
    return np.stack([_image(instance, index) for index, instance in enumerate(instances)])


def _image(instance: Any, index: int) -> np.ndarray:
    try:
        image = np.asarray(instance)
    except ValueError as error:
        raise ValueError(f"instances[{index}]: rows of different lengths; expected {SHAPE[0]} rows of 28") from error
    if image.shape != SHAPE:
        raise ValueError(f"instances[{index}]: expected shape {SHAPE}, got {image.shape}")
    if image.dtype.kind not in "iuf":
        raise ValueError(f"instances[{index}]: expected numbers, got {image.dtype}")
    wrong = ~((image >= 0) & (image <= 255))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(f"instances[{index}][{row}][{column}]: {image[row, column]} is not in the range 0 to 255")
    return image.astype(np.float32)


def predict_fn(data: np.ndarray, model: onnxruntime.InferenceSession) -> list[dict[str, Any]]:
    probabilities = _probabilities(data, model)
    return [{"label": int(row.argmax()), "probabilities": row} for row in probabilities]


def _probabilities(images: np.ndarray, model: onnxruntime.InferenceSession) -> np.ndarray:
    """float32 of shape (n, 10). The exported network scales the images itself and gives logits."""
    (logits,) = model.run(["logits"], {"images": images.astype(np.float32, copy=False)})
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def evaluate(model: onnxruntime.InferenceSession, holdout_dir: str) -> dict[str, float]:
    """Accuracy and cross entropy on the t10k files."""
    images = idx.read_images(idx.find_file(Path(holdout_dir), "t10k-images-idx3-ubyte"))
    labels = idx.read_labels(idx.find_file(Path(holdout_dir), "t10k-labels-idx1-ubyte"), images=len(images))
    batches = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
    probabilities = np.concatenate([_probabilities(batch, model) for batch in batches])
    of_label = probabilities[np.arange(len(labels)), labels]
    return {
        "accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
        "loss": float(-np.log(np.maximum(of_label, np.finfo(np.float32).tiny)).mean()),
        "examples": len(labels),
    }
