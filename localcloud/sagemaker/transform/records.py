"""A stream of bytes cut into records, as SplitType says; no more than one record and one chunk are held."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from localcloud.sagemaker.transform.crc32c import masked_crc32c

_CHUNK = 1 << 20
# https://mxnet.apache.org/versions/1.9.1/architecture/note_data_loading: magic number, then 3 bits that tell the parts
# of a record that contains the magic number itself, and 29 bits of length; padded to 4 bytes.
_RECORDIO_MAGIC = 0xCED7230A
_RECORDIO_MAGIC_BYTES = struct.pack("<I", _RECORDIO_MAGIC)
_WHOLE, _FIRST, _LAST = 0, 1, 3
# https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
_TFRECORD_HEAD = struct.Struct("<QI")
_TFRECORD_FOOT_BYTES = 4


class Source(Protocol):
    """A stream; ``read`` returns ``b""`` at its end only."""

    def read(self, size: int, /) -> bytes: ...


class RecordError(Exception):
    """The object cannot be cut into records, or one of them is larger than a request may be."""


class Record(NamedTuple):
    """``content`` is sent alone (SingleRecord), ``framed`` beside others (MultiRecord)."""

    content: bytes
    framed: bytes


def split_lines(source: Source, limit: int | None) -> Iterator[Record]:
    """The lines, without their line ends when sent alone; empty lines are no records.

    Args:
        limit: bytes that a record may have; None for any number.

    Raises RecordError.
    """
    rest = b""
    while chunk := source.read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield from _line(line, limit)
        _check_size(len(rest), limit)
    yield from _line(rest, limit)


def split_recordio(source: Source, limit: int | None) -> Iterator[Record]:
    """MXNet's RecordIO. Raises RecordError."""
    reader = _Reader(source, "RecordIO")
    while head := reader.exactly(8, at_boundary=True):
        framed, contents = bytearray(), []
        while True:
            flag, content, part = _recordio_part(reader, head, limit)
            framed += part
            contents.append(content)
            _check_size(len(framed), limit)
            if flag in (_WHOLE, _LAST):
                break
            head = reader.exactly(8)
        yield Record(_RECORDIO_MAGIC_BYTES.join(contents), bytes(framed))


def split_tfrecord(source: Source, limit: int | None) -> Iterator[Record]:
    """TensorFlow's TFRecord. The checksum of every length is checked, those of the data are the reader's. Raises
    RecordError."""
    reader = _Reader(source, "TFRecord")
    while head := reader.exactly(_TFRECORD_HEAD.size, at_boundary=True):
        length, checksum = _TFRECORD_HEAD.unpack(head)
        if masked_crc32c(head[:8]) != checksum:
            raise RecordError("the object is not in TFRecord format: the checksum of a record's length is wrong")
        _check_size(length, limit)
        content = reader.exactly(length)
        yield Record(content, head + content + reader.exactly(_TFRECORD_FOOT_BYTES))


def whole(source: Source, limit: int | None) -> Iterator[Record]:
    """The object as its only record. Raises RecordError."""
    content = bytearray()
    while chunk := source.read(_CHUNK):
        content += chunk
        _check_size(len(content), limit)
    yield Record(bytes(content), bytes(content))


SPLITTERS: dict[str, Callable[[Source, int | None], Iterator[Record]]] = {
    "None": whole,
    "Line": split_lines,
    "RecordIO": split_recordio,
    "TFRecord": split_tfrecord,
}


class _Reader:
    """Reads exact numbers of bytes."""

    def __init__(self, source: Source, format_name: str) -> None:
        self._source = source
        self._format = format_name
        self._buffer = b""

    def exactly(self, size: int, *, at_boundary: bool = False) -> bytes:
        """``size`` bytes; none at the end of the stream where a record may end."""
        if len(self._buffer) < size:
            chunks, have = [self._buffer], len(self._buffer)
            while have < size and (chunk := self._source.read(max(_CHUNK, size - have))):
                chunks.append(chunk)
                have += len(chunk)
            self._buffer = b"".join(chunks)
        if at_boundary and not self._buffer:
            return b""
        if len(self._buffer) < size:
            raise RecordError(f"the object ends within a {self._format} record")
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found


def _recordio_part(reader: _Reader, head: bytes, limit: int | None) -> tuple[int, bytes, bytes]:
    magic, packed = struct.unpack("<II", head)
    if magic != _RECORDIO_MAGIC:
        raise RecordError("the object is not in RecordIO format: a record does not begin with its magic number")
    flag, length = packed >> 29, packed & ((1 << 29) - 1)
    _check_size(length, limit)
    padded = reader.exactly((length + 3) // 4 * 4)
    return flag, padded[:length], head + padded


def _line(line: bytes, limit: int | None) -> Iterator[Record]:
    line = line.removesuffix(b"\r")
    if line:
        _check_size(len(line), limit)
        yield Record(line, line + b"\n")


def _check_size(size: int, limit: int | None) -> None:
    if limit is not None and size > limit:
        raise RecordError(f"Too much data for max payload size: a record has more than {limit} bytes")
