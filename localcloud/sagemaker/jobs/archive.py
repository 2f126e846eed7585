"""model.tar.gz and output.tar.gz."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from localcloud.sagemaker.jobs.transfer import files_below

# The fastest level costs a few per cent of size and saves most of the time.
_FASTEST, _STORED = 1, 0
# Weights hardly compress: what would not become a tenth smaller is stored as it is, and unpacked sooner, too.
_WORTH = 0.9
_SAMPLED_FILES, _SAMPLED_BYTES = 32, 1 << 16


def pack(folders: Sequence[Path], archive: Path) -> int:
    """Writes the files of `folders` into one gzipped tar, in the order of their names, and returns their number.

    Several hosts may have written the same name: the first folder's file is taken. The same files give the same
    bytes: owners are dropped and times are those of the files. Raises OSError.
    """
    files = members(folders)
    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", _level([path for path, _ in files]), raw, mtime=0) as zipped,
        # dereference: of two hard links to one file, both become files for whoever unpacks the archive.
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT, dereference=True) as tar,
    ):
        for path, name in files:
            tar.add(path, arcname=name, recursive=False, filter=_anonymous)
    return len(files)


def members(folders: Sequence[Path]) -> list[tuple[Path, str]]:
    """The files of several hosts and their names, in the order of the names; of one name, the first folder's file."""
    found = {path.relative_to(folder).as_posix(): path for folder in reversed(folders) for path in files_below(folder)}
    return [(path, name) for name, path in sorted(found.items())]


def _level(paths: Sequence[Path]) -> int:
    """Judged by the middle of the largest files. Raises OSError."""
    largest = sorted(((path.stat().st_size, path) for path in paths), reverse=True)[:_SAMPLED_FILES]
    packed = sum(size * _ratio(path, size) for size, path in largest if size)
    return _FASTEST if packed < _WORTH * sum(size for size, _ in largest) else _STORED


def _ratio(path: Path, size: int) -> float:
    """How much of the file the fastest level leaves."""
    with path.open("rb") as file:
        file.seek(max(0, (size - _SAMPLED_BYTES) // 2))
        sample = file.read(_SAMPLED_BYTES)
    return len(zlib.compress(sample, _FASTEST)) / max(1, len(sample))


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = int(member.mtime)
    return member
