"""Objects of S3 as streams, decompressed where the job says so."""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.sagemaker.jobs import failures
from localcloud.sagemaker.jobs.channels import RemoteObject
from localcloud.sagemaker.jobs.role import Role
from localcloud.sagemaker.transform.records import RecordError, Source

_GZIP_ERRORS = (gzip.BadGzipFile, EOFError, zlib.error)


@contextlib.contextmanager
def open_object(role: Role, remote: RemoteObject, *, compression: str) -> Iterator[Source]:
    """The object's content, read from S3 as the reader goes on.

    Opening and reading raise JobFailure where S3 refuses or breaks off, reading raises RecordError for bad gzip.
    """
    uri = f"s3://{remote.bucket}/{remote.key}"
    body = _from_s3(
        lambda: role.client("s3").get_object(Bucket=remote.bucket, Key=remote.key)["Body"], uri=uri, role=role
    )
    raw = _Raw(body, uri, role)
    with contextlib.closing(body):
        yield _Gunzipped(raw) if compression == "Gzip" else raw


class _Raw:
    def __init__(self, body: Any, uri: str, role: Role) -> None:
        self._body, self._uri, self._role = body, uri, role

    def read(self, size: int, /) -> bytes:
        return _from_s3(lambda: self._body.read(size), uri=self._uri, role=self._role)


class _Gunzipped:
    def __init__(self, raw: _Raw) -> None:
        self._file = gzip.GzipFile(fileobj=raw)

    def read(self, size: int, /) -> bytes:
        try:
            return self._file.read(size)
        except _GZIP_ERRORS as error:
            raise RecordError(f"Unable to decompress the object, its CompressionType is Gzip: {error}") from error


def _from_s3(read: Callable[[], Any], *, uri: str, role: Role) -> Any:
    try:
        return read()
    except (ClientError, BotoCoreError, OSError) as error:
        raise failures.download_failed(error, uri=uri, role_arn=role.arn) from error
