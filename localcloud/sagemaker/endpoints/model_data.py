"""Model data: from S3 into the container's /opt/ml/model, trusting nothing in the archive."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.sagemaker.jobs.channels import S3Uri, find_objects
from localcloud.sagemaker.jobs.transfer import download, download_object


@dataclass(frozen=True, kw_only=True)
class Limits:
    """An archive may unpack to `max_ratio` times its own size, at least `free_bytes` and at most `max_bytes`."""

    max_bytes: int = 32 << 30
    max_ratio: int = 200
    free_bytes: int = 64 << 20
    max_members: int = 100_000

    def allowed(self, compressed: int) -> int:
        return min(self.max_bytes, max(self.free_bytes, self.max_ratio * compressed))


LIMITS = Limits()


class ModelDataError(Exception):
    """The model data cannot be had or cannot be used; the message is part of the endpoint's FailureReason."""


@dataclass(frozen=True, kw_only=True)
class ModelData:
    """Where model data is. `archive`: one gzipped tar; otherwise every object below the prefix, as it is."""

    uri: str
    archive: bool = True


def fetch(client: Any, data: ModelData, folder: Path) -> None:
    """Puts the model's files below `folder`. Raises ModelDataError with SageMaker's words and the cause."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        uri = S3Uri.parse(data.uri)
        if not data.archive:
            download(client, find_objects(client, uri=data.uri, data_type="S3Prefix"), folder)
            return
        archive = folder.parent / "model.tar.gz"
        download_object(client, uri.bucket, uri.key, archive)
    except (ClientError, BotoCoreError, ValueError, OSError) as error:
        raise ModelDataError(
            f'Failed to download model data from URL "{data.uri}". Please ensure that there is an object located at the'
            f" URL and that the role passed to CreateModel has permissions to download the model: {error}"
        ) from error
    try:
        extract(archive, folder)
    except ModelDataError as error:
        raise ModelDataError(
            f'Failed to extract model data archive from URL "{data.uri}". Please ensure that the object located at the'
            f" URL is a valid tar.gz archive: {error}"
        ) from error
    finally:
        archive.unlink(missing_ok=True)


def extract(archive: Path, folder: Path, limits: Limits = LIMITS) -> None:
    """Unpacks regular files and folders. Raises ModelDataError for anything else, for names that leave `folder`,
    for names given twice, and for archives that grow beyond `limits`."""
    allowed = limits.allowed(archive.stat().st_size)
    try:
        with gzip.open(archive) as raw:
            content = _Limited(raw, allowed)
            with tarfile.open(fileobj=content, mode="r|") as tar:
                for number, member in enumerate(tar, 1):
                    if number > limits.max_members:
                        raise ModelDataError(f"it has more than {limits.max_members} members")
                    _extract_member(tar, member, folder)
            content.finish()
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ModelDataError(f"it is damaged or not a gzipped tar ({error})") from error
    except OSError as error:
        raise ModelDataError(str(error)) from error


def _extract_member(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    path = folder / _safe_name(member.name)
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    if not member.isreg():
        raise ModelDataError(f"{member.name!r} is neither a file nor a folder (links and devices are refused)")
    path.parent.mkdir(parents=True, exist_ok=True)
    source = tar.extractfile(member)
    try:
        with path.open("xb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    except FileExistsError as error:
        raise ModelDataError(f"{member.name!r} is there twice") from error
    path.chmod(0o644 | (member.mode & 0o111))


def _safe_name(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise ModelDataError(f"{name!r} leaves the model's folder")
    return path


class _Limited:
    """Reads from a decompressor, headers included, up to a number of bytes."""

    def __init__(self, source: IO[bytes], limit: int) -> None:
        self._source = source
        self._limit = limit
        self._left = limit

    def read(self, size: int) -> bytes:
        data = self._source.read(min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise ModelDataError(f"it unpacks to more than {self._limit} bytes, which its size does not justify")
        return data

    def finish(self) -> None:
        """Reads to the end, where the checksum is."""
        while self.read(1 << 20):
            pass
