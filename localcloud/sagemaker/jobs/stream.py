"""The bytes of a Pipe-mode stream: objects read from S3 as they are sent, decompressed and framed where asked."""

from __future__ import annotations

import gzip
import io
import tempfile
import zlib
from collections.abc import Generator, Iterable, Iterator
from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.sagemaker.jobs import recordio
from localcloud.sagemaker.jobs.channels import RemoteObject
from localcloud.sagemaker.jobs.data_source import DataSource, Record
from localcloud.sagemaker.jobs.object_reader import ObjectReader

_CHUNK = 1 << 18
_MEMORY_BYTES = 1 << 23
_ERRORS = (ClientError, BotoCoreError, ValueError, OSError, EOFError, zlib.error)


class UnreadableObject(Exception):
    """One object of the stream; `cause` is what S3 or the decompressor said."""

    def __init__(self, uri: str, cause: Exception) -> None:
        super().__init__(f"{uri}: {cause}")
        self.uri, self.cause = uri, cause


def stream(client: Any, source: DataSource, records: Iterable[Record]) -> Generator[bytes, None, None]:
    """The records' bytes in chunks. Nothing is kept but one block, and where RecordIO needs a compressed object's
    length, that object in a temporary file.

    Raises UnreadableObject.
    """
    framed = source.wrapper == "RecordIO"
    for record in records:
        for part in record:
            yield from _framed(part) if isinstance(part, bytes) and framed else _part(client, source, part)


def _part(client: Any, source: DataSource, part: RemoteObject | bytes) -> Iterator[bytes]:
    if isinstance(part, bytes):
        yield part
        return
    try:
        yield from _object(client, source, part)
    except _ERRORS as error:
        raise UnreadableObject(part.uri, error) from error


def _object(client: Any, source: DataSource, found: RemoteObject) -> Iterator[bytes]:
    framed = source.wrapper == "RecordIO"
    with ObjectReader(client, found) as stored:
        if source.compression == "None":
            yield from _wrapped(_chunks(stored), stored.length) if framed else _chunks(stored)
            return
        with gzip.GzipFile(fileobj=io.BufferedReader(stored, _CHUNK)) as plain:
            yield from _of_unknown_length(plain) if framed else _chunks(plain)


def _of_unknown_length(plain: IO[bytes]) -> Iterator[bytes]:
    with tempfile.SpooledTemporaryFile(_MEMORY_BYTES) as spool:
        for chunk in _chunks(plain):
            spool.write(chunk)
        length = spool.tell()
        spool.seek(0)
        yield from _wrapped(_chunks(spool), length)


def _framed(value: bytes) -> Iterator[bytes]:
    return _wrapped([value], len(value))


def _wrapped(chunks: Iterable[bytes], length: int) -> Iterator[bytes]:
    yield recordio.header(length)
    yield from chunks
    yield recordio.padding(length)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk
