"""A build's source: a zip archive in S3, or none."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

_MAXIMUM_BYTES = 2 * 1024**3


class SourceError(Exception):
    """Why there is no source, in the words of S3 where it refused."""


def download(source: dict[str, Any], version: str, folder: Path, s3: Callable[[], Any]) -> None:
    """Puts the source into `folder`, which is made. `s3` makes a client with the build's role. Raises SourceError."""
    folder.mkdir(parents=True)
    kind = source.get("type", "NO_SOURCE")
    if kind == "NO_SOURCE":
        return
    if kind != "S3":
        raise SourceError(f"source type {kind!r} is not supported by the embedded cloud; use S3 or NO_SOURCE")
    bucket, _, key = source.get("location", "").removeprefix("arn:aws:s3:::").partition("/")
    if not key:
        raise SourceError(f"source location {source.get('location')!r} is not <bucket>/<key>")
    archive = folder.with_suffix(".zip")
    arguments = {"VersionId": version} if version else {}
    try:
        body = s3().get_object(Bucket=bucket, Key=key, **arguments)["Body"]
        with archive.open("wb") as file:
            shutil.copyfileobj(body, file)
    except ClientError as error:
        failure = error.response["Error"]
        raise SourceError(f"{failure['Code']}: {failure['Message']} (s3://{bucket}/{key})") from error
    try:
        _unpack(archive, folder)
    except (zipfile.BadZipFile, ValueError) as error:
        raise SourceError(f"s3://{bucket}/{key}: {error}") from error


def _unpack(archive: Path, folder: Path) -> None:
    """Unpacks with the files' executable bits; refuses links, and names that lead out of the folder."""
    with zipfile.ZipFile(archive) as opened:
        if sum(entry.file_size for entry in opened.infolist()) > _MAXIMUM_BYTES:
            raise ValueError(f"the archive holds more than {_MAXIMUM_BYTES} bytes")
        for entry in opened.infolist():
            mode = entry.external_attr >> 16
            target = (folder / entry.filename).resolve()
            if not target.is_relative_to(folder.resolve()) or (mode & 0o170000) == 0o120000:
                raise ValueError(f"{entry.filename!r} is a link or leads out of the archive")
            opened.extract(entry, folder)
            if not entry.is_dir() and mode & 0o111:
                target.chmod(0o755)
