"""model.tar.gz -> a folder, without trusting it."""

from __future__ import annotations

import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

MAX_FILES = 10_000
MAX_BYTES = 16 * 1024**3  # unpacked; the evaluation's volume is larger


class InvalidArchive(ValueError):
    """Not a model archive, or one that holds what no model needs. The message starts with the file's name."""


def unpack(archive: Path, folder: Path) -> None:
    """Writes the ordinary files of a tar.gz below `folder`. Raises InvalidArchive, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    files = size = 0
    try:
        # As a stream: what is not read is not unpacked, so a bomb is stopped by the first member that is too big.
        with tarfile.open(archive, "r|gz") as opened:
            for member in opened:
                files, size = files + 1, size + member.size
                _check(archive, member, files=files, size=size)
                if member.isreg():
                    _write(opened, member, folder)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise InvalidArchive(f"{archive.name}: damaged: {error}") from error


def _check(archive: Path, member: tarfile.TarInfo, *, files: int, size: int) -> None:
    if files > MAX_FILES or size > MAX_BYTES:
        raise InvalidArchive(f"{archive.name}: more than {MAX_FILES} files or {MAX_BYTES} bytes")
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name:
        raise InvalidArchive(f"{archive.name}: {member.name!r} leaves the folder")
    if not (member.isreg() or member.isdir()) or member.issparse():
        raise InvalidArchive(f"{archive.name}: {member.name!r} is neither an ordinary file nor a folder")


def _write(opened: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    source = opened.extractfile(member)
    assert source is not None  # noqa: S101  (isreg)
    target = folder / member.name
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
