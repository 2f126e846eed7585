"""model.tar.gz -> a folder, without trusting it."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

MAX_FILES = 10_000
MAX_BYTES = 16 * 1024**3  # unpacked; the evaluation's volume is larger
_CHUNK = 1 << 20


class InvalidArchive(ValueError):
    """Not a model archive, or one that holds what no model needs. The message starts with the file's name."""


def unpack(archive: Path, folder: Path) -> None:
    """Writes the ordinary files of a tar.gz below `folder`. Raises InvalidArchive, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    files = size = 0
    try:
        # As a stream: what is not read is not unpacked, so a bomb is stopped by the first member that is too big.
        with gzip.open(archive) as stream, tarfile.open(fileobj=stream, mode="r|") as opened:
            for member in opened:
                files, size = files + 1, size + member.size
                _check(archive, member, files=files, size=size)
                if member.isreg():
                    _write(opened, member, folder)
            while stream.read(_CHUNK):  # the end of the stream holds its checksum, which tarfile does not read
                size += _CHUNK
                _check_caps(archive, files=files, size=size)
    except (gzip.BadGzipFile, tarfile.TarError, EOFError, zlib.error) as error:
        raise InvalidArchive(f"{archive.name}: damaged: {error}") from error


def _check(archive: Path, member: tarfile.TarInfo, *, files: int, size: int) -> None:
    _check_caps(archive, files=files, size=size)
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name:
        raise InvalidArchive(f"{archive.name}: {member.name!r} leaves the folder")
    if not (member.isreg() or member.isdir()) or member.issparse():
        raise InvalidArchive(f"{archive.name}: {member.name!r} is neither an ordinary file nor a folder")


def _check_caps(archive: Path, *, files: int, size: int) -> None:
    if files > MAX_FILES or size > MAX_BYTES:
        raise InvalidArchive(f"{archive.name}: more than {MAX_FILES} files or {MAX_BYTES} bytes")


def _write(opened: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    source = opened.extractfile(member)
    assert source is not None  # noqa: S101  (isreg)
    target = folder / member.name
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        shutil.copyfileobj(source, file, _CHUNK)
