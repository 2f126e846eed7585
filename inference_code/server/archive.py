"""Unpacks `model.tar.gz`. An artifact is not trusted: whoever can write to the bucket wrote it."""

from __future__ import annotations

import tarfile
from pathlib import Path

MAX_MEMBERS = 10_000
MAX_BYTES = 20 * 2**30
# A deflate stream can pack a thousandfold; weights and text stay far below this.
MAX_RATIO = 200


class UnsafeArchive(Exception):
    """The archive holds what no training job writes: a path outside, a link, a device, or a bomb."""


def extract(archive: Path, folder: Path) -> None:
    """Unpack regular files and folders only. Raises UnsafeArchive, naming the member, or tarfile.TarError."""
    budget = min(MAX_BYTES, max(archive.stat().st_size, 1) * MAX_RATIO)
    with tarfile.open(archive, "r:gz") as tar:
        for count, member in enumerate(tar, start=1):
            budget -= member.size
            _require_safe(member, count, budget)
            # "data" also strips ownership and modes that a stranger should not set.
            tar.extract(member, folder, filter="data")


def _require_safe(member: tarfile.TarInfo, count: int, budget: int) -> None:
    path = Path(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise UnsafeArchive(f"{member.name!r} points outside of the archive")
    if not (member.isreg() or member.isdir()):
        raise UnsafeArchive(f"{member.name!r} is a link or a device; only files and folders are unpacked")
    if count > MAX_MEMBERS:
        raise UnsafeArchive(f"more than {MAX_MEMBERS} members")
    if budget < 0:
        raise UnsafeArchive(f"{member.name!r} unpacks to more than {MAX_RATIO} times the archive's size, or 20 GiB")
