"""The model artifact: weights as safetensors, a small JSON description, and the network as ONNX."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from safetensors.torch import save_file
from torch import nn

IMAGE_SHAPE = (28, 28)
TOLERANCE = 1e-4  # of a logit, absolute and relative: ONNX Runtime orders its sums differently
_OPSET = 20


class ExportMismatch(RuntimeError):
    """The exported network does not compute what PyTorch computes."""


def write_model(network: nn.Module, folder: Path, *, description: dict[str, Any]) -> None:
    """Writes model.safetensors, config.json and model.onnx. Raises ExportMismatch."""
    folder.mkdir(parents=True, exist_ok=True)
    network = network.cpu().eval()
    weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)  # it is written for its owner only; who serves may be somebody else
    shape = {"input": {"name": "images", "shape": ["batch", *IMAGE_SHAPE], "minimum": 0, "maximum": 255}}
    (folder / "config.json").write_text(json.dumps(description | shape, indent=2, sort_keys=True) + "\n")
    _export(network, folder / "model.onnx")
    _check(network, folder / "model.onnx")


def _export(network: nn.Module, path: Path) -> None:
    example = torch.zeros(2, *IMAGE_SHAPE)
    batch = {0: "batch"}
    with warnings.catch_warnings():
        # This exporter is marked deprecated. The one that replaces it takes 3 s more for the same file.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            (example,),
            path,
            dynamo=False,
            opset_version=_OPSET,
            input_names=["images"],
            output_names=["logits"],
            dynamic_axes={"images": batch, "logits": batch},
        )


def _check(network: nn.Module, path: Path) -> None:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    for size in (1, 7):
        images = torch.randint(256, (size, *IMAGE_SHAPE), generator=generator).float()
        with torch.inference_mode():
            expected = network(images).numpy()
        (exported,) = session.run(["logits"], {"images": images.numpy()})
        if not np.allclose(exported, expected, rtol=TOLERANCE, atol=TOLERANCE):
            worst = float(np.abs(exported - expected).max())
            raise ExportMismatch(f"{path.name}: logits differ by {worst:g} for a batch of {size}; allowed: {TOLERANCE}")
