"""safetensors: a JSON header and plain numbers. Source: https://huggingface.co/docs/safetensors"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from server.artifacts.refusal import RefusedArtifact, refused

_LENGTH = 8  # bytes of the header's length, little endian
_MAX_HEADER = 100_000_000  # as the library has it


def check(path: Path) -> None:
    """Raises RefusedArtifact, OSError."""
    with path.open("rb") as file:
        beginning = file.read(_LENGTH + 1)
    length = int.from_bytes(beginning[:_LENGTH], "little")
    if len(beginning) <= _LENGTH or beginning[_LENGTH:] != b"{" or length > _MAX_HEADER:
        raise RefusedArtifact(path, "not safetensors")
    if _LENGTH + length > path.stat().st_size:
        raise RefusedArtifact(path, "not safetensors: it ends within its header")


def load(path: Path, framework: str) -> dict[str, Any]:
    check(path)
    from safetensors import safe_open

    with refused(path, "safetensors"), safe_open(path, framework=framework) as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the file is no dictionary
