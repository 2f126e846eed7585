"""The identity of a folder's contents: one SHA-256 for a model, wherever it was unpacked.

SageMaker unpacks model.tar.gz before a container sees it, and an archive's bytes say when and by whom it was packed. So
what is hashed is the unpacked tree: for each file, in the order of the paths' bytes, its path below the folder (with
`/`), its length and the SHA-256 of its content. Times, owners, modes and empty folders do not count.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fingerprint:
    """`sha256`: 64 hex digits. `bytes`: of all files together."""

    sha256: str
    files: int
    bytes: int


class SwappedArtifact(Exception):
    """The model is not the one that was evaluated."""


def fingerprint(folder: Path) -> Fingerprint:
    """Of every file below `folder`. Raises SwappedArtifact for what is neither an ordinary file nor a folder."""
    total = hashlib.sha256()
    files = size = 0
    for name, path in sorted((path.relative_to(folder).as_posix().encode(), path) for path in folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise SwappedArtifact(f"{path}: neither an ordinary file nor a folder; no model has that")
        if path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            length = path.stat().st_size
            total.update(b"%d %s %d %s\n" % (len(name), name, length, digest.encode()))
            files, size = files + 1, size + length
    return Fingerprint(total.hexdigest(), files, size)


def require(folder: Path, sha256: str) -> None:
    """Raises SwappedArtifact unless the contents of `folder` have this fingerprint."""
    found = fingerprint(folder)
    if found.sha256 != sha256:
        raise SwappedArtifact(
            f"the model in {folder} ({found.files} files, {found.bytes} bytes) has the SHA-256 {found.sha256}, and the"
            f" one that was evaluated and registered has {sha256}: it was damaged or exchanged, and is not loaded"
        )
