"""Zip archives that model files are made of, within limits."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server.artifacts.pickles import is_pickle
from server.artifacts.refusal import RefusedArtifact

MAX_MEMBERS = 10_000
MAX_BYTES = 16 * 1024**3  # unpacked
_MAX_RATIO = 1000  # of the unpacked size to the file's


@contextmanager
def opened(path: Path, what: str) -> Iterator[zipfile.ZipFile]:
    """The archive, without a pickle in it. Raises RefusedArtifact."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, UnicodeDecodeError, ValueError, NotImplementedError) as error:
        raise RefusedArtifact(path, f"not {what}, which is a zip archive") from error
    with archive:
        _check(path, archive)
        yield archive


def _check(path: Path, archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    size = sum(member.file_size for member in members)
    if len(members) > MAX_MEMBERS or size > min(MAX_BYTES, _MAX_RATIO * path.stat().st_size):
        raise RefusedArtifact(path, f"{len(members)} members of {size} bytes unpacked are too much")
    names = [member.filename for member in members]
    if len(set(names)) != len(names):
        raise RefusedArtifact(path, "two members have the same name")
    for member in members:
        _check_member(path, archive, member)


def _check_member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    try:
        with archive.open(member) as file:
            found = is_pickle(file)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, zlib.error) as error:
        raise RefusedArtifact(path, f"{member.filename!r:.80} is damaged") from error
    if found:
        raise RefusedArtifact(path, f"{member.filename!r:.80} is a pickle: loading it would run code")
