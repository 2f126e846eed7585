"""Writes the model that is served: as Keras has it, and as ONNX, which is served without Keras."""

from __future__ import annotations

import warnings
from pathlib import Path

import keras
import numpy as np
import onnxruntime

TOLERANCE = 1e-5  # of a probability: each engine orders its sums differently
_FIRST_OPSET = 9
_HIGHEST = 255  # of what the model is given


class ExportMismatch(RuntimeError):
    """The exported model does not compute what Keras computes."""


def save(model: keras.Model, folder: Path) -> None:
    """Writes model.keras, and model.onnx where Keras's engine is PyTorch (the others write it by TensorFlow only). The
    model is not to be trained after that. Raises ExportMismatch.

    Who loads model.keras draws all weights by the layers' initializers before the file's take their place. JAX compiles
    for that about two seconds a layer, so the served model names the one initializer that draws nothing.
    """
    for layer in model.layers:
        if hasattr(layer, "kernel_initializer"):
            layer.kernel_initializer = keras.initializers.Zeros()
    model.save(folder / "model.keras")
    if keras.backend.backend() == "torch":
        write_onnx(model, folder / "model.onnx")


def write_onnx(model: keras.Model, path: Path) -> None:
    """Where Keras has PyTorch as its engine. Raises ExportMismatch where ONNX Runtime computes something else."""
    import torch

    # Of three-dimensional convolutions; it orders a tensor's memory, which is no part of a graph.
    torch.onnx.register_custom_op_symbolic("aten::contiguous", lambda graph, tensor, layout: tensor, _FIRST_OPSET)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's tracer tells of every shape that it takes for a constant
        model.export(path, format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    for size in (1, 3):
        example = np.random.default_rng(size).uniform(0, _HIGHEST, (size, *model.input_shape[1:])).astype(np.float32)
        expected = keras.ops.convert_to_numpy(model(example, training=False))
        (found,) = session.run(None, {given.name: example})
        worst = float(np.abs(found - expected).max())
        if worst > TOLERANCE:
            raise ExportMismatch(f"{path.name}: differs by {worst:g} for a batch of {size}; allowed: {TOLERANCE}")
