"""skops: scikit-learn's objects as JSON and arrays. Source: https://skops.readthedocs.io/en/stable/persistence.html"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from server.artifacts import zips
from server.artifacts.refusal import RefusedArtifact, refused

_SCHEMA = "schema.json"


def check(path: Path) -> None:
    """Raises RefusedArtifact, OSError."""
    with zips.opened(path, "skops") as archive:
        if _SCHEMA not in archive.namelist():
            raise RefusedArtifact(path, f"not skops: it has no {_SCHEMA}")


def load(path: Path, trusted: Sequence[str]) -> Any:
    check(path)
    import skops.io

    with refused(path, "skops"):
        unknown = sorted(set(skops.io.get_untrusted_types(file=path)) - set(trusted))
        if unknown:
            raise RefusedArtifact(path, f"holds types that are not on the list: {', '.join(unknown)[:500]}")
        return skops.io.load(path, trusted=list(trusted))
