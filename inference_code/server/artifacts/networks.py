"""A network as one function, run by the fastest engine that can run what training wrote: ONNX Runtime where there is a
model.onnx, which starts in a tenth of the time and memory; else Keras, for what was trained before, or by an engine
that writes no ONNX.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from server.artifacts import keras, onnx
from server.artifacts.refusal import RefusedArtifact

Network = Callable[[Any], Any]
"""An array of numbers, whose first axis is the batch, -> the first output, as an array of float32."""
ONNX, KERAS = "model.onnx", "model.keras"


def load(folder: Path, threads: int | None) -> Network:
    """Raises RefusedArtifact, OSError."""
    return _onnx(folder / ONNX, threads) if (folder / ONNX).is_file() else _keras(folder / KERAS)


def _onnx(path: Path, threads: int | None) -> Network:
    import numpy as np

    session = onnx.load(path, threads)
    inputs = [given.name for given in session.get_inputs()]
    if len(inputs) != 1:
        raise RefusedArtifact(path, f"a network of one input is expected; it has {', '.join(inputs) or 'none'}")

    def network(batch: Any) -> Any:
        return session.run(None, {inputs[0]: np.ascontiguousarray(batch, dtype=np.float32)})[0]

    return network


def _keras(path: Path) -> Network:
    # Read when Keras is imported. A .keras file belongs to no engine; JAX is the smallest that computes convolutions.
    os.environ.setdefault("KERAS_BACKEND", "jax")
    model = keras.load(path)
    import numpy as np
    from keras import ops

    def network(batch: Any) -> Any:
        # Filled up to a power of two: JAX compiles for each size anew, so there must be few of them.
        filled = np.zeros((1 << (len(batch) - 1).bit_length(), *batch.shape[1:]), dtype=np.float32)
        filled[: len(batch)] = batch
        return ops.convert_to_numpy(model(filled, training=False))[: len(batch)]

    network(np.zeros((1, *model.input_shape[1:])))  # compiles before the first request comes
    return network
