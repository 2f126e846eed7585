"""XGBoost's model as JSON or UBJSON. Source: https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from server.artifacts.refusal import RefusedArtifact, refused

SUFFIXES = (".json", ".ubj")
_LOOK = 1 << 20


def check(path: Path) -> None:
    """Raises RefusedArtifact, OSError."""
    with path.open("rb") as file:
        beginning = file.read(_LOOK)
    if path.suffix not in SUFFIXES or not beginning.startswith(b"{"):
        raise RefusedArtifact(path, f"not a model of XGBoost as {' or '.join(SUFFIXES)}")


def load(path: Path) -> Any:
    check(path)
    import xgboost

    with refused(path, "a model of XGBoost"):
        return xgboost.Booster(model_file=str(path))
