"""What the serving image of a workload is built from, by the Dockerfile that every workload has."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.support.embedded_cloud import ROOT

DOCKERFILE = "inference_code/server/Dockerfile"
"""In the build's context."""


def write_context(
    folder: Path, workload: str, files: Mapping[str, str], shared: Mapping[str, str] | None = None
) -> None:
    """The server, `files` as the workload's inference code, `shared` as what it shares with its training code."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "inference_code/server", folder / "inference_code/server", ignore=ignore)
    written = {f"inference_code/{workload}/{name}": text for name, text in {"requirements.txt": "", **files}.items()}
    written |= {f"training_code/{workload}/shared/{name}": text for name, text in (shared or {}).items()}
    for name, text in written.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
