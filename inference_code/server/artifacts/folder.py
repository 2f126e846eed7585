"""A model folder, looked through before any code of a workload reads it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

from server.artifacts import keras, onnx, safetensors, skops, zips
from server.artifacts.pickles import is_pickle
from server.artifacts.refusal import RefusedArtifact

_CHECKS: dict[str, Callable[[Path], None]] = {
    ".safetensors": safetensors.check,
    ".onnx": onnx.check,
    ".skops": skops.check,
    ".keras": keras.check,
}
_RUN_CODE = {
    **dict.fromkeys((".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt"), "a pickle by its name"),
    **dict.fromkeys((".h5", ".hdf5"), "Keras's old format, which has no safe mode"),
}


def check_folder(folder: Path) -> None:
    """Refuses a folder with a file that is not what it is called, or that is a pickle by its name or its content.
    Raises RefusedArtifact, OSError.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            _check(path)


def _check(path: Path) -> None:
    if reason := _RUN_CODE.get(path.suffix.lower()):
        raise RefusedArtifact(path, f"{reason}: loading it could run code")
    if check := _CHECKS.get(path.suffix.lower()):
        check(path)
        return
    with path.open("rb") as file:
        found = is_pickle(file)
    if found:
        raise RefusedArtifact(path, "a pickle: loading it would run code")
    if zipfile.is_zipfile(path):
        with zips.opened(path, "a zip archive"):
            pass
