"""skops: scikit-learn's objects as JSON and arrays. Source: https://skops.readthedocs.io/en/stable/persistence.html"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from server.artifacts import zips
from server.artifacts.refusal import RefusedArtifact, refused

_SCHEMA = "schema.json"
_MAX_SCHEMA_BYTES = 64 << 20
_VALUES = frozenset(
    {
        "builtins.dict",
        "builtins.list",
        "builtins.str",
        "builtins.tuple",
        "numpy.float64",
        "numpy.int64",
        "numpy.ndarray",
    }
)
"""What every object is made of: containers, JSON's values, arrays of numbers."""


def check(path: Path) -> None:
    """Raises RefusedArtifact, OSError."""
    with zips.opened(path, "skops") as archive:
        if _SCHEMA not in archive.namelist():
            raise RefusedArtifact(path, f"not skops: it has no {_SCHEMA}")


def load(path: Path, types: Sequence[str]) -> Any:
    """The list is closed: skops itself would also build anything of scikit-learn's, numpy's and scipy's."""
    if foreign := sorted(set(_types(_schema(path))) - _VALUES - set(types)):
        raise RefusedArtifact(path, f"holds types that are not on the list: {', '.join(foreign)[:500]}")
    import skops.io

    with refused(path, "skops"):
        return skops.io.load(path, trusted=list(types))


def _schema(path: Path) -> Any:
    check(path)
    with zips.opened(path, "skops") as archive, refused(path, "skops"):
        if archive.getinfo(_SCHEMA).file_size > _MAX_SCHEMA_BYTES:
            raise RefusedArtifact(path, f"{_SCHEMA} is larger than {_MAX_SCHEMA_BYTES} bytes")
        return json.loads(archive.read(_SCHEMA))


def _types(node: Any) -> Iterator[str]:
    """`module.class` of every node of a schema, at any depth."""
    if isinstance(node, dict):
        if "__module__" in node or "__class__" in node:
            yield f"{node.get('__module__')}.{node.get('__class__')}"
        for value in node.values():
            yield from _types(value)
    elif isinstance(node, list):
        for value in node:
            yield from _types(value)
