"""Serves the spam filter: texts in, "ham" or "spam" with its probability out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import words
import xgboost
from scipy.sparse import csr_matrix
from server import artifacts, formats

CONTENT_TYPES = (formats.JSON, formats.JSON_LINES, formats.CSV)
BATCHED = True
_EVALUATION_BATCH = 4096


@dataclass(frozen=True)
class Model:
    """The trees, and how many buckets words are hashed to."""

    booster: xgboost.Booster
    buckets: int


def model_fn(model_dir: str) -> Model:
    folder = Path(model_dir)
    booster = artifacts.load_xgboost(folder / "model.ubj")
    # The server runs predictions beside each other; one that takes all processors slows all.
    booster.set_param({"nthread": 1})
    return Model(booster, json.loads((folder / "config.json").read_text(encoding="utf-8"))["buckets"])


def input_fn(body: bytes, content_type: str) -> list[str]:
    """The texts of a body. An instance is a text, `{"text": ...}`, or a CSV row of one cell.

    Raises ValueError that names the first instance that is none, InvalidInput.
    """
    return [_text(instance, index) for index, instance in enumerate(formats.instances(body, content_type))]


def _text(instance: Any, index: int) -> str:
    found = instance.get("text") if isinstance(instance, dict) else instance
    if isinstance(found, list) and len(found) == 1:
        (found,) = found
    if not isinstance(found, str):
        kind = type(found).__name__
        raise ValueError(f'instances[{index}]: expected a text or {{"text": <text>}}, got {kind}')
    return found


def predict_fn(data: list[str], model: Model) -> list[dict[str, Any]]:
    """For each text `{"label": "ham" or "spam", "probability": that it is spam}`."""
    return [
        {"label": "spam" if probability > 0.5 else "ham", "probability": float(probability)}
        for probability in _probabilities(data, model)
    ]


def holdout_instances(model: Model, holdout_dir: str) -> list[str]:
    """The held-out texts. Raises ValueError naming file and line."""
    return _holdout(Path(holdout_dir))[0]


def evaluate(model: Model, holdout_dir: str) -> dict[str, float]:
    """Accuracy on the held-out texts, processed here as for a request. Raises ValueError naming file and line."""
    texts, labels = _holdout(Path(holdout_dir))
    batches = range(0, len(texts), _EVALUATION_BATCH)
    found = np.concatenate([_probabilities(texts[at : at + _EVALUATION_BATCH], model) > 0.5 for at in batches])
    return {"accuracy": float((found == np.array(labels)).mean()), "examples": len(texts)}


def _holdout(folder: Path) -> tuple[list[str], list[int]]:
    texts, labels = [], []
    for path in sorted(folder.rglob("part-*.json")):
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n")[:-1], start=1):
            try:
                message = json.loads(line)
                texts.append(message["text"])
                labels.append(int(message["label"]))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(
                    f'{path} line {number}: expected {{"text": ..., "label": 0 or 1}}: {error!r}'
                ) from None
    if not texts:
        raise ValueError(f"{folder}: no messages in files part-*.json")
    return texts, labels


def _probabilities(texts: list[str], model: Model) -> np.ndarray:
    counted = [words.count(text, model.buckets) for text in texts]
    ends = np.cumsum([0, *map(len, counted)])
    columns = np.array([bucket for one in counted for bucket in one], dtype=np.int32)
    counts = np.array([number for one in counted for number in one.values()], dtype=np.float32)
    matrix = csr_matrix((counts, columns, ends), shape=(len(texts), model.buckets))
    # In place: making a DMatrix takes ten times as long as the trees.
    return model.booster.inplace_predict(matrix, validate_features=False)
