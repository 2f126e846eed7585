"""Serves the classifier of short videos: an MP4 file -> class and probabilities."""

from __future__ import annotations

import base64
import binascii
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from server import artifacts, formats
from shared import clips, examples

VIDEO = "video/mp4"
CONTENT_TYPES = (VIDEO, formats.JSON)
_AT_ONCE = 16
_SMALLEST = 1e-7  # a probability's: what float32 rounds to nothing must not make the loss infinite
_MAX_INSTANCES = 16


# input_fn gets no model, but what a video is made into is the model's: set when it is loaded, one model a process.
_shape = clips.Shape()


@dataclass(frozen=True)
class Classifier:
    """The network and the names of its classes, in the order of its answers."""

    network: Callable[[np.ndarray], np.ndarray]
    classes: list[str]


def model_fn(model_dir: str) -> Classifier:
    """The model, and nothing that could run. Raises artifacts.RefusedArtifact."""
    global _shape
    folder = Path(model_dir)
    description = json.loads((folder / "config.json").read_text("utf-8"))
    network = artifacts.load_network(folder)
    cv2.setNumThreads(1)  # the server runs predictions beside each other
    _shape = clips.Shape(**description["clip"])
    return Classifier(network, description["classes"])


def input_fn(body: bytes, content_type: str) -> np.ndarray:
    """The videos of a request as frames (uint8, N x height x width x frames x channels).

    The body is one video (`video/mp4`), or `{"instances": [{"video": "<base64>"}, ...]}`. ValueError tells what is
    wrong.
    """
    if content_type == VIDEO:
        return _frames(body, "body")[np.newaxis]
    instances = formats.instances(body, content_type)
    if not 1 <= len(instances) <= _MAX_INSTANCES:
        raise ValueError(f"instances: expected 1 to {_MAX_INSTANCES} videos at once, got {len(instances)}")
    return np.stack([_instance(instance, f"instances[{number}]") for number, instance in enumerate(instances)])


def predict_fn(data: np.ndarray, model: Classifier) -> list[dict[str, Any]]:
    """For each video `{"label": name, "probabilities": {name: float}}`."""
    return [
        {
            "label": model.classes[int(row.argmax())],
            "probabilities": dict(zip(model.classes, row.tolist(), strict=True)),
        }
        for row in _probabilities(data, model)
    ]


def evaluate(model: Classifier, holdout_dir: str) -> dict[str, float]:
    """Accuracy and cross entropy on what process.py held out. Raises examples.InvalidExamples."""
    held_out = examples.read(Path(holdout_dir))
    probabilities = _probabilities(held_out.frames, model)
    right = probabilities.argmax(axis=1) == held_out.labels
    chosen = probabilities[np.arange(len(right)), held_out.labels].astype(np.float64)
    loss = -np.log(chosen.clip(_SMALLEST)).mean()
    return {"accuracy": float(right.mean()), "loss": float(loss), "examples": len(right)}


def _instance(instance: Any, name: str) -> np.ndarray:
    if not isinstance(instance, dict) or not isinstance(text := instance.get("video"), str):
        raise ValueError(f'{name}: expected {{"video": "<base64 of an MP4 file>"}}')
    try:
        return _frames(base64.b64decode(text, validate=True), f"{name}.video")
    except binascii.Error as error:
        raise ValueError(f"{name}.video: is not base64") from error


def _frames(video: bytes, name: str) -> np.ndarray:
    # OpenCV seeks in files only. Deleted before the answer; in the container's own /tmp.
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(video)
        file.flush()
        try:
            return clips.read(Path(file.name), _shape)
        except clips.UnreadableVideo as error:
            raise ValueError(f"{name}: {error}") from error


def _probabilities(frames: np.ndarray, model: Classifier) -> np.ndarray:
    starts = range(0, len(frames), _AT_ONCE)
    return np.concatenate([model.network(frames[start : start + _AT_ONCE]) for start in starts])
