"""Model files, loaded without trusting who wrote them: a model package may come from anywhere.

    refusal.py      what is raised
    folder.py       a whole model folder, before a workload's model_fn sees it
    pickles.py      what a pickle is, whatever it is called
    zips.py         zip archives, within limits
    safetensors.py, onnx.py, xgboost.py, skops.py, keras.py
                    one format each: `check` needs only the standard library, `load` its framework
    networks.py     a network as a function, whichever of two formats it is in

A workload's model_fn uses the loaders; each checks its file, imports its framework and refuses what is not that format
with RefusedArtifact, whose message names the file and the reason. There is no loader for pickles, joblib, torch.save or
HDF5, because loading those runs what they say.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from server.artifacts import keras, networks, onnx, safetensors, skops, xgboost
from server.artifacts.folder import check_folder
from server.artifacts.refusal import RefusedArtifact

__all__ = [
    "RefusedArtifact",
    "check_folder",
    "load_keras",
    "load_network",
    "load_onnx",
    "load_safetensors",
    "load_skops",
    "load_xgboost",
]


def load_safetensors(path: str | Path, *, framework: str = "numpy") -> dict[str, Any]:
    """Name -> tensor of a `.safetensors` file; `framework` is `numpy` or `pt`. Raises RefusedArtifact, OSError."""
    return safetensors.load(Path(path), framework)


def load_network(folder: str | Path, *, threads: int | None = None) -> networks.Network:
    """The network of a model folder as a function of an array: `model.onnx` by ONNX Runtime where training wrote one,
    else `model.keras` by Keras. Raises RefusedArtifact, OSError.
    """
    return networks.load(Path(folder), threads)


def load_onnx(path: str | Path, *, threads: int | None = None) -> Any:
    """An onnxruntime.InferenceSession on the processor, with the threads that the server gives a worker
    (OMP_NUM_THREADS). Raises RefusedArtifact, OSError.
    """
    return onnx.load(Path(path), threads)


def load_xgboost(path: str | Path) -> Any:
    """An xgboost.Booster of a `.json` or `.ubj` file. Raises RefusedArtifact, OSError."""
    return xgboost.load(Path(path))


def load_skops(path: str | Path, *, types: Sequence[str]) -> Any:
    """The object in a `.skops` file, which may hold plain values, arrays of numbers and the types named in `types`
    (`package.module.Class`), nothing else. Raises RefusedArtifact, OSError.
    """
    return skops.load(Path(path), types)


def load_keras(path: str | Path) -> Any:
    """The uncompiled model of a `.keras` file of Keras's own layers, in safe mode. Raises RefusedArtifact, OSError."""
    return keras.load(Path(path))
