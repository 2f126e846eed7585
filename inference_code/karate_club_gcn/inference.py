"""Serves the graph convolutional network: numbers of nodes -> class and probability. It needs numpy, not PyTorch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from server import artifacts
from server.formats import InvalidInput
from shared import graph


@dataclass(frozen=True)
class Model:
    """`probabilities`: nodes x classes. The graph is part of the model, so every answer is known when it is loaded."""

    classes: tuple[str, ...]
    probabilities: np.ndarray


def model_fn(model_dir: str) -> Model:
    """The forward pass of training's network.py, once for all nodes."""
    description = json.loads((Path(model_dir) / "graph.json").read_text("utf-8"))
    weights = artifacts.load_safetensors(Path(model_dir) / "model.safetensors")
    propagation = graph.propagation(description["edges"], description["nodes"])
    hidden = np.maximum(propagation @ weights["first.weight"] + weights["first.bias"], 0)
    logits = propagation @ (hidden @ weights["second.weight"]) + weights["second.bias"]
    return Model(tuple(description["classes"]), _softmax(logits.astype(np.float64)))


def predict_fn(data: Any, model: Model) -> list[dict[str, Any]]:
    """For each node `{"node", "label", "probability"}`, the label's probability. Raises InvalidInput (400)."""
    listed = data.tolist() if hasattr(data, "tolist") else data
    nodes = [_node(value, len(model.probabilities), f"instances[{index}]") for index, value in enumerate(listed)]
    if not nodes:
        raise InvalidInput("instances: expected at least one node", field="instances")
    return [_answer(node, model) for node in nodes]


def evaluate(model: Model, holdout_dir: str) -> dict[str, float]:
    """Nodes that are labelled as labels.csv has them. Raises graph.InvalidGraph, FileNotFoundError."""
    labels = graph.read_labels(Path(holdout_dir) / "labels.csv", nodes=len(model.probabilities))
    right = sum(_answer(node, model)["label"] == label for node, label in labels.items())
    return {"accuracy": right / len(labels), "nodes_right": right, "examples": len(labels)}


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _answer(node: int, model: Model) -> dict[str, Any]:
    best = int(model.probabilities[node].argmax())
    return {"node": node, "label": model.classes[best], "probability": float(model.probabilities[node, best])}


def _node(value: Any, nodes: int, name: str) -> int:
    """A node's number, as JSON, npy (5.0) or CSV (a row with one text) have it."""
    single = value[0] if isinstance(value, list) and len(value) == 1 else value
    try:
        number = float(single) if isinstance(single, int | float | str) and not isinstance(single, bool) else -1.0
    except (ValueError, OverflowError):
        number = -1.0
    if not (0 <= number < nodes and number.is_integer()):
        raise InvalidInput(f"{name}: expected a node from 0 to {nodes - 1}, got {str(value)[:40]!r}", field=name)
    return int(number)
