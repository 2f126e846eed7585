"""The model artifact: a folder that transformers reads, and the same network as ONNX, which serves."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn
from transformers import PreTrainedTokenizerBase

TOLERANCE = 1e-4  # of a logit, absolute and relative: ONNX Runtime orders its sums differently
INPUTS = ("input_ids", "attention_mask")
_OPSET = 20
_TRIED = [["good"], ["good", "a much longer text that is not good at all", ""]]


class ExportMismatch(RuntimeError):
    """The exported network does not compute what PyTorch computes."""


def inputs(tokens: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What the network takes of a tokenizer's answer."""
    return {name: tokens[name] for name in INPUTS}


def write_model(model: nn.Module, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Writes config.json, model.safetensors, the tokenizer's files and model.onnx. Raises ExportMismatch."""
    folder.mkdir(parents=True, exist_ok=True)
    model = model.cpu().eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)  # it is written for its owner only; who serves may be somebody else
    network = _Logits(model).eval()
    _export(network, tokenizer, folder / "model.onnx")
    _check(network, tokenizer, folder / "model.onnx")


class _Logits(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self._model(input_ids=input_ids, attention_mask=attention_mask).logits


def _export(network: nn.Module, tokenizer: PreTrainedTokenizerBase, path: Path) -> None:
    tokens = tokenizer(_TRIED[-1], padding=True, return_tensors="pt")
    axes = {0: "batch", 1: "length"}
    with warnings.catch_warnings():
        # This exporter is marked deprecated, and warns of branches that a text's length decides; _check compares
        # lengths. The one that replaces it takes ten times as long for the same network.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            tuple(inputs(tokens).values()),
            path,
            dynamo=False,
            opset_version=_OPSET,
            input_names=list(INPUTS),
            output_names=["logits"],
            dynamic_axes={**dict.fromkeys(INPUTS, axes), "logits": {0: "batch"}},
        )


def _check(network: nn.Module, tokenizer: PreTrainedTokenizerBase, path: Path) -> None:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    longest = ["good " * tokenizer.model_max_length]
    for texts in (*_TRIED, longest):
        tokens = inputs(tokenizer(texts, padding=True, truncation=True, return_tensors="pt"))
        with torch.no_grad():
            expected = network(**tokens).numpy()
        (found,) = session.run(["logits"], {name: tensor.numpy() for name, tensor in tokens.items()})
        if not np.allclose(found, expected, atol=TOLERANCE, rtol=TOLERANCE):
            difference = np.abs(found - expected).max()
            raise ExportMismatch(f"{path.name}: logits of {len(texts)} texts differ from PyTorch's by {difference:.2g}")
