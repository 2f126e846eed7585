"""The `code` channel's zip -> a folder. Nothing is written outside it, and no more than the caps."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from driver.errors import InvalidCode

MAX_FILES = 10_000
MAX_BYTES = 512 * 1024 * 1024  # unpacked


def find_archive(channel: Path) -> Path:
    """The channel's only zip. Raises InvalidCode."""
    found = sorted(channel.glob("*.zip"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise InvalidCode(f"channel {channel.name!r}: expected one zip in {channel}, found {names}")
    return found[0]


def unpack(archive: Path, folder: Path) -> None:
    """Raises InvalidCode for a damaged zip and for one that holds anything but ordinary files below the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            _check(archive, members)
            for member in members:
                _write(opened, member, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InvalidCode(f"{archive.name}: {error}") from error


def _check(archive: Path, members: list[zipfile.ZipInfo]) -> None:
    # zipfile never yields more of a member than the size it declares, so the declared sizes bound what is written.
    size = sum(member.file_size for member in members)
    if len(members) > MAX_FILES or size > MAX_BYTES:
        raise InvalidCode(
            f"{archive.name}: {len(members)} files, {size} bytes; at most {MAX_FILES} files, {MAX_BYTES} bytes"
        )
    for member in members:
        path = PurePosixPath(member.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in member.filename or ":" in member.filename:
            raise InvalidCode(f"{archive.name}: {member.filename!r} leaves the folder")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise InvalidCode(f"{archive.name}: {member.filename!r} is neither a file nor a folder")


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    target = folder / member.filename
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(member) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
    if (member.external_attr >> 16) & 0o100:
        target.chmod(0o755)
