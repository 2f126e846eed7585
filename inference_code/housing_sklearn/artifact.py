"""model.skops -> the pipeline, if it holds nothing but the types that our training writes.

A skops file says which types it wants built; skops refuses those that it does not know, and here only those below pass
of those that it does know, so that a planted file is refused before anything of it is built.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import skops.io
from sklearn.pipeline import Pipeline

ALLOWED = frozenset(
    {
        "builtins.dict",
        "builtins.list",
        "builtins.str",
        "builtins.tuple",
        "numpy.float64",
        "numpy.ndarray",
        "sklearn.linear_model._base.LinearRegression",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.StandardScaler",
    }
)
_MAX_SCHEMA_BYTES = 1 << 20


class RefusedArtifact(ValueError):
    """The file is not a model that our training wrote."""


def load(path: Path) -> Pipeline:
    """Raises RefusedArtifact that names what the file holds and must not, FileNotFoundError."""
    foreign = sorted(set(_types(_schema(path))) - ALLOWED)
    if foreign:
        raise RefusedArtifact(f"{path.name}: holds {', '.join(foreign)}, which no model of ours does")
    model = skops.io.load(path, trusted=[])
    if not isinstance(model, Pipeline):
        raise RefusedArtifact(f"{path.name}: holds a {type(model).__name__}, expected a Pipeline")
    return model


def _schema(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("schema.json").file_size > _MAX_SCHEMA_BYTES:
                raise RefusedArtifact(f"{path.name}: its schema is larger than {_MAX_SCHEMA_BYTES} bytes")
            return json.loads(archive.read("schema.json"))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise RefusedArtifact(f"{path.name}: not a skops file: {error}") from error


def _types(node: Any) -> Iterator[str]:
    """The types of a schema's nodes, at any depth."""
    if isinstance(node, dict):
        if "__module__" in node or "__class__" in node:
            yield f"{node.get('__module__')}.{node.get('__class__')}"
        for value in node.values():
            yield from _types(value)
    elif isinstance(node, list):
        for value in node:
            yield from _types(value)
