"""A file's bytes, unpacked where it is gzip, and its lines. Both under the caps of the file's rules."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from checker.findings import BadFile

CHUNK = 1 << 16
RATIO_FROM_BYTES = 1 << 20
"""Small files of zeros have a high ratio and harm nobody."""
BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class File:
    """`name` is the path below the data set, `channel/file`; `path` is where it lies."""

    name: str
    path: Path
    rules: dict[str, Any]

    @property
    def packed(self) -> bool:
        return self.name.endswith(".gz")

    @property
    def size(self) -> int:
        """Bytes as stored."""
        return self.path.stat().st_size

    def open(self) -> BinaryIO:
        """A buffered stream of what is inside. Reading raises BadFile for damaged gzip and for more than the caps."""
        source = gzip.open(self.path) if self.packed else self.path.open("rb")  # noqa: SIM115 - Capped closes it
        return io.BufferedReader(Capped(source, self), CHUNK)  # type: ignore[return-value, type-var]


class Cap:
    """Counts unpacked bytes; BadFile beyond the file's caps."""

    def __init__(self, file: File) -> None:
        self._most = file.rules["maximum_unpacked_bytes"]
        self._ratio = file.rules["maximum_ratio"]
        self._most_by_ratio = max(RATIO_FROM_BYTES, self._ratio * file.size)
        self._bytes = 0

    def count(self, length: int) -> None:
        self._bytes += length
        if self._bytes > self._most:
            raise BadFile("maximum_unpacked_bytes", f"unpacks to more than {self._most} bytes")
        if self._bytes > self._most_by_ratio:
            raise BadFile("maximum_ratio", f"unpacks to more than {self._ratio} times its size")


class Capped(io.RawIOBase):
    """`source`, byte for byte, as long as the caps allow."""

    def __init__(self, source: Any, file: File) -> None:
        super().__init__()
        self._source = source
        self._cap = Cap(file) if file.packed else None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._source.read(len(buffer))
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise BadFile("gzip", f"is not a whole gzip file: {error}") from error
        if self._cap is not None:
            self._cap.count(len(data))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._source.close()
        super().close()


def skip(stream: BinaryIO, length: int) -> int:
    """Reads `length` bytes to nowhere; how many there were."""
    left = length
    while left > 0:
        data = stream.read(min(left, CHUNK))
        if not data:
            break
        left -= len(data)
    return length - left


def skip_all(stream: BinaryIO) -> int:
    """Reads to the end; how many bytes that were."""
    count = 0
    while data := stream.read(CHUNK):
        count += len(data)
    return count


def lines(stream: BinaryIO, rules: dict[str, Any]) -> Iterator[str]:
    """Lines with their ends, decoded. BadFile for a byte-order mark, NUL, another encoding, a line that is too long."""
    limit, encoding, number = rules["maximum_line_bytes"], rules["encoding"], 0
    while data := stream.readline(limit + 1):
        number += 1
        if number == 1 and data.startswith(BYTE_ORDER_MARKS):
            raise BadFile("encoding", "begins with a byte-order mark: save it as UTF-8 without one", row=1)
        if len(data) > limit:
            raise BadFile("maximum_line_bytes", f"has more than {limit} bytes", row=number)
        if b"\0" in data:
            raise BadFile("encoding", "holds a NUL character", row=number)
        try:
            yield data.decode(encoding)
        except UnicodeDecodeError as error:
            message = f"is not {encoding}: byte {error.start + 1} of the line"
            raise BadFile("encoding", message, row=number) from error
