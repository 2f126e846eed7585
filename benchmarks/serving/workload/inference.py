"""The benchmark's networks behind our model server. MODEL_ENGINE: `onnx`, `torch`, or `nothing`: no model at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from server import artifacts

BATCHED = True
ENGINE = os.environ.get("MODEL_ENGINE", "onnx")


def model_fn(model_dir: str) -> Any:
    if ENGINE == "nothing":
        return None
    if ENGINE == "onnx":
        return artifacts.load_onnx(Path(model_dir) / "model.onnx", threads=1)
    import networks

    network = networks.named(Path(model_dir) / "config.json")
    network.load_state_dict(artifacts.load_safetensors(Path(model_dir) / "model.safetensors", framework="pt"))
    return network.eval()


def predict_fn(data: list[list[float]], model: Any) -> Any:
    """Probabilities, rows x 10."""
    if ENGINE == "nothing":
        return data
    rows = np.array(data, dtype=np.float32)
    if ENGINE == "onnx":
        return model.run(["probabilities"], {"rows": rows})[0]
    import torch

    with torch.inference_mode():
        return model(torch.from_numpy(rows)).numpy()
