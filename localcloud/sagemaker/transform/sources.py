"""Objects of S3 as streams, decompressed where the job says so."""

from __future__ import annotations

import contextlib
import gzip
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.sagemaker.jobs import failures
from localcloud.sagemaker.jobs.channels import RemoteObject
from localcloud.sagemaker.jobs.role import Role
from localcloud.sagemaker.transform.records import RecordError, Source

_CHUNK = 1 << 20
_GZIP_ERRORS = (gzip.BadGzipFile, EOFError, zlib.error)


@contextlib.contextmanager
def open_object(role: Role, remote: RemoteObject, *, compression: str, folder: Path) -> Iterator[Source]:
    """The object's content, kept in a nameless file of ``folder`` while it is read.

    A model may take hours for an object: no answer of S3 stays open for that long. Opening raises JobFailure where S3
    refuses or breaks off, reading raises RecordError for bad gzip.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            _download(role, remote, file)
        except (ClientError, BotoCoreError, OSError) as error:
            raise failures.download_failed(error, uri=remote.uri, role_arn=role.arn) from error
        file.seek(0)
        yield _Gunzipped(file) if compression == "Gzip" else file


def _download(role: Role, remote: RemoteObject, file: IO[bytes]) -> None:
    body = role.client("s3").get_object(Bucket=remote.bucket, Key=remote.key)["Body"]
    with contextlib.closing(body):
        for chunk in body.iter_chunks(_CHUNK):
            file.write(chunk)


class _Gunzipped:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = gzip.GzipFile(fileobj=file)

    def read(self, size: int, /) -> bytes:
        try:
            return self._file.read(size)
        except _GZIP_ERRORS as error:
            raise RecordError(f"Unable to decompress the object, its CompressionType is Gzip: {error}") from error
