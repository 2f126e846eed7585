"""Serves the fine-tuned DistilBERT with ONNX Runtime: reviews in, "positive" or "negative" out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from server import artifacts, formats
from shared import reviews
from tokenizers import Tokenizer

CONTENT_TYPES = (formats.JSON, formats.JSON_LINES, formats.CSV)
_BATCH = 32
_INPUTS = "inputs"
_TEXT = "text"


@dataclass(frozen=True)
class Model:
    """`session` is an onnxruntime.InferenceSession; `labels` are the names of its outputs."""

    session: Any
    tokenizer: Tokenizer
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Request:
    """Texts, and whether nothing but the label is asked for."""

    texts: list[str]
    label_only: bool = False


def model_fn(model_dir: str) -> Model:
    folder = Path(model_dir)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(settings["model_max_length"])
    tokenizer.enable_padding(pad_id=config["pad_token_id"], pad_token=settings["pad_token"])
    names = config["id2label"]
    labels = tuple(names[str(number)] for number in range(len(names)))
    return Model(artifacts.load_onnx(folder / "model.onnx"), tokenizer, labels)


def input_fn(body: bytes, content_type: str) -> Request:
    """`{"inputs": text or [texts]}` as Hugging Face's containers take it, `{"text": text}`, `{"instances": [texts]}`,
    or a text a line. Raises ValueError that names the first instance that is none, InvalidInput.
    """
    document = formats.load_json(body) if content_type == formats.JSON else None
    if isinstance(document, dict) and _TEXT in document:
        return Request([_text(document[_TEXT], _TEXT)], label_only=True)
    if isinstance(document, dict) and _INPUTS in document:
        given = document[_INPUTS]
        return Request(_texts(given, _INPUTS) if isinstance(given, list) else [_text(given, _INPUTS)])
    return Request(_texts(formats.instances(body, content_type), "instances"))


def predict_fn(data: Request, model: Model) -> list[Any]:
    """For each text `{"label": "positive" or "negative", "score": its probability}`; for `{"text": ...}` the label."""
    probabilities = _probabilities(data.texts, model)
    labels = [model.labels[number] for number in probabilities.argmax(axis=1)]
    if data.label_only:
        return labels
    scores = probabilities.max(axis=1).tolist()
    return [{"label": label, "score": score} for label, score in zip(labels, scores, strict=True)]


def evaluate(model: Model, holdout_dir: str) -> dict[str, float]:
    """Accuracy and cross entropy on test*.jsonl. Raises reviews.InvalidReviews."""
    texts, labels = reviews.read(Path(holdout_dir), "test*.jsonl")
    probabilities = _probabilities(texts, model)
    right = probabilities.argmax(axis=1) == np.array(labels)
    loss = -np.log(probabilities[np.arange(len(labels)), labels]).mean()
    return {"accuracy": float(right.mean()), "loss": float(loss), "examples": len(labels)}


def _probabilities(texts: list[str], model: Model) -> np.ndarray:
    """Texts x labels. Padded to the longest of a few at a time, sorted by length: little is computed for nothing."""
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    found = np.empty((len(texts), len(model.labels)))
    for start in range(0, len(order), _BATCH):
        chosen = order[start : start + _BATCH]
        found[chosen] = _softmax(_logits([texts[index] for index in chosen], model))
    return found


def _logits(texts: list[str], model: Model) -> np.ndarray:
    tokens = model.tokenizer.encode_batch(texts)
    inputs = {
        "input_ids": np.array([one.ids for one in tokens], dtype=np.int64),
        "attention_mask": np.array([one.attention_mask for one in tokens], dtype=np.int64),
    }
    (logits,) = model.session.run(["logits"], inputs)
    return logits.astype(np.float64)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _texts(values: list[Any], name: str) -> list[str]:
    if not values:
        raise ValueError(f"{name}: expected at least one text")
    return [_text(value, f"{name}[{index}]") for index, value in enumerate(values)]


def _text(value: Any, name: str) -> str:
    """A text; also `{"text": ...}`, and the only cell of a CSV row."""
    if isinstance(value, dict):
        value = value.get(_TEXT)
    elif isinstance(value, list) and len(value) == 1:
        (value,) = value
    if not isinstance(value, str):
        raise ValueError(f"{name}: expected a text, got {type(value).__name__}")
    return value
