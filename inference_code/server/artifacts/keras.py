"""`.keras`: a zip of config.json, metadata.json and model.weights.h5.

Keras's safe mode has been got round more than once (CVE-2025-1550, 8747, 9906: config.json names a function that is
imported and called), so what may be named is a closed list here.
Source: https://keras.io/guides/serialization_and_saving/
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from server.artifacts import zips
from server.artifacts.refusal import RefusedArtifact, refused

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_MAX_CONFIG = 64 * 1024**2  # bytes
_CLASS = re.compile(r"[A-Z][A-Za-z0-9_]*")  # functions are written in lower case
_MODELS = {"Sequential", "Functional", "Model"}
_ANY: set[str] = set()
_MODULES: dict[str, set[str]] = {
    "keras": _MODELS | {"DTypePolicy"},
    "keras.models": _MODELS,
    "keras.src.models.functional": {"Functional"},
    "keras.src.models.sequential": {"Sequential"},
    "keras.layers": _ANY,
    "keras.initializers": _ANY,
    "keras.regularizers": _ANY,
    "keras.constraints": _ANY,
    "keras.dtype_policies": _ANY,
}
"""Module -> the classes of it that a model may name; no class named means each of them."""
_OPERATIONS = re.compile(r"keras\.src\.ops\.[a-z_]+")
_REFUSED = {
    "Lambda": "runs code of the file's own",
    "TFSMLayer": "loads another model",
    "TorchModuleWrapper": "is a pickle",
    "JaxLayer": "runs code of the file's own",
    "FlaxLayer": "runs code of the file's own",
    "StringLookup": "may read another file",
    "IntegerLookup": "may read another file",
    "TextVectorization": "may read another file",
}
_VALUES = {"__keras_tensor__", "__tensor__", "__numpy__", "__tuple__", "__ellipsis__", "__slice__"}
"""Values that Keras writes as an object without a module."""


def check(path: Path) -> None:
    """Raises RefusedArtifact, OSError."""
    with zips.opened(path, "Keras's format") as archive:
        names = set(archive.namelist())
        if names != {_CONFIG, _METADATA, _WEIGHTS}:
            raise RefusedArtifact(path, f"not Keras's format: it holds {', '.join(sorted(names))[:200]}")
        for named in _objects(_config(path, archive)):
            _check_object(path, named)


def _config(path: Path, archive: zipfile.ZipFile) -> Any:
    if archive.getinfo(_CONFIG).file_size > _MAX_CONFIG:
        raise RefusedArtifact(path, f"{_CONFIG} is larger than {_MAX_CONFIG} bytes")
    try:
        config = json.loads(archive.read(_CONFIG))
    except (ValueError, RecursionError) as error:
        raise RefusedArtifact(path, f"{_CONFIG} is not JSON") from error
    if not isinstance(config, dict):
        raise RefusedArtifact(path, f"{_CONFIG} is not an object")
    config.pop("compile_config", None)  # the model is loaded uncompiled
    return config


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    """Every object that says what class it is of."""
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if {"class_name", "module", "registered_name"} & value.keys():
                yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _check_object(path: Path, named: dict[str, Any]) -> None:
    module, name, registered = (named.get(key) for key in ("module", "class_name", "registered_name"))
    if module is None and registered is None and name in _VALUES:
        return
    told = f"{_CONFIG} names {str(module)[:80]}.{str(name)[:80]}"
    if name in _REFUSED:
        raise RefusedArtifact(path, f"{told}, which {_REFUSED[name]}")
    if not isinstance(name, str) or not _CLASS.fullmatch(name) or not _is_listed(module, name):
        raise RefusedArtifact(path, f"{told}, which is not on the list of what a model may hold")
    if registered not in (None, name):
        raise RefusedArtifact(path, f"{told} as {str(registered)[:80]!r}, a class of somebody's own")


def _is_listed(module: Any, name: str) -> bool:
    if not isinstance(module, str):
        return False
    if module in _MODULES:
        return not _MODULES[module] or name in _MODULES[module]
    return bool(_OPERATIONS.fullmatch(module))


def load(path: Path) -> Any:
    check(path)
    import keras

    with refused(path, "a model of Keras"):
        _check_weights(path)
        return keras.saving.load_model(path, compile=False, safe_mode=True)


def _check_weights(path: Path) -> None:
    """HDF5 can point to other files, and declare arrays that it does not hold (CVE-2026-1669, CVE-2026-0897)."""
    import h5py

    with zipfile.ZipFile(path) as archive, archive.open(_WEIGHTS) as stream, h5py.File(stream, "r") as file:
        waiting = [file["/"]]
        while waiting:
            group = waiting.pop()
            for name in group:
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise RefusedArtifact(path, f"{_WEIGHTS}: {name!r:.80} is a link")
                member = group[name]
                if isinstance(member, h5py.Group):
                    waiting.append(member)
                elif member.external or member.is_virtual:
                    raise RefusedArtifact(path, f"{_WEIGHTS}: {name!r:.80} lies in another file")
                elif member.nbytes > member.id.get_storage_size():
                    raise RefusedArtifact(path, f"{_WEIGHTS}: {name!r:.80} declares more than it holds")
