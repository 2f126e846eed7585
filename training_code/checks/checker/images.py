"""PNG (ISO/IEC 15948) and JPEG (ITU-T T.81): that they are whole, and their size. Pixels are not decoded."""

from __future__ import annotations

import struct
import zlib
from typing import Any, BinaryIO

from checker.findings import BadFile, Findings
from checker.streams import CHUNK, File

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
END_OF_IMAGE = b"\xff\xd9"
_NO_FRAMES = {0xC4, 0xC8, 0xCC}
"""Among the markers C0 to CF, which begin a frame with its size, those that do not."""


def check_image(file: File, findings: Findings) -> None:
    with file.open() as stream:
        start = stream.read(8)
        if start == PNG:
            kind, width, height = "png", *_png_size(stream)
        elif start[:3] == JPEG:
            kind, width, height = "jpeg", *_jpeg_size(stream, start)
        else:
            raise BadFile("kinds", f"is neither PNG nor JPEG: it begins with the bytes {start.hex() or '(none)'}")
    if kind not in file.rules["kinds"]:
        findings.add("kinds", f"is {kind}, expected {' or '.join(file.rules['kinds'])}")
    _check_side("width", width, file.rules, findings)
    _check_side("height", height, file.rules, findings)


def _check_side(name: str, pixels: int, rules: dict[str, Any], findings: Findings) -> None:
    minimum, maximum = rules[name]["minimum"], rules[name]["maximum"]
    if minimum is not None and pixels < minimum:
        findings.add(name, f"has a {name} of {pixels} pixels, below the minimum {minimum}")
    if maximum is not None and pixels > maximum:
        findings.add(name, f"has a {name} of {pixels} pixels, above the maximum {maximum}")


def _png_size(stream: BinaryIO) -> tuple[int, int]:
    """Walks all chunks, comparing checksums."""
    size, kind = None, b""
    while kind != b"IEND":
        head = stream.read(8)
        if len(head) < 8:
            raise BadFile("truncated", "is PNG that ends before its end")
        length, kind = struct.unpack(">I4s", head)
        if (size is None) != (kind == b"IHDR") or (kind == b"IHDR" and length != 13):
            raise BadFile("png", "is PNG whose header is missing or repeated")
        first = _png_chunk(stream, length, kind)
        if size is None:
            size = struct.unpack(">II", first[:8])
    if stream.read(1):
        raise BadFile("png", "is PNG with something after its end")
    return size


def _png_chunk(stream: BinaryIO, length: int, kind: bytes) -> bytes:
    """The first bytes of a chunk whose checksum is right."""
    checksum, left, first = zlib.crc32(kind), length, b""
    while left:
        data = stream.read(min(left, CHUNK))
        if not data:
            raise BadFile("truncated", "is PNG that ends before its end")
        first = first or data
        checksum = zlib.crc32(data, checksum)
        left -= len(data)
    if stream.read(4) != struct.pack(">I", checksum):
        raise BadFile("png", "is PNG with a wrong checksum, or that ends before its end")
    return first


class _Pushed:
    """A stream with some bytes, already read, put back to its front."""

    def __init__(self, stream: BinaryIO, front: bytes) -> None:
        self._stream, self._front = stream, front

    def take(self, length: int) -> bytes:
        data, self._front = self._front[:length], self._front[length:]
        data += self._stream.read(length - len(data))
        if len(data) < length:
            raise BadFile("truncated", "is JPEG that ends before its end")
        return data

    def tail(self) -> bytes:
        """Reads to the end; the last bytes, without the zeros that some cameras fill up with."""
        tail = self._front
        while data := self._stream.read(CHUNK):
            tail = (tail + data).rstrip(b"\0")[-2:]
        return tail.rstrip(b"\0")[-2:]


def _jpeg_size(stream: BinaryIO, start: bytes) -> tuple[int, int]:
    """Walks the segments to the frame, which has the size; then reads to the end of the image."""
    source = _Pushed(stream, start[2:])
    while True:
        marker = source.take(2)
        while marker == b"\xff\xff":  # fill bytes
            marker = b"\xff" + source.take(1)
        (length,) = struct.unpack(">H", source.take(2))
        if marker[0] != 0xFF or length < 2:
            raise BadFile("jpeg", "is JPEG with a broken segment")
        segment = source.take(length - 2)
        if 0xC0 <= marker[1] <= 0xCF and marker[1] not in _NO_FRAMES:
            break
    if len(segment) < 5:
        raise BadFile("jpeg", "is JPEG with a broken segment")
    height, width = struct.unpack(">HH", segment[1:5])
    if source.tail() != END_OF_IMAGE:
        raise BadFile("truncated", "is JPEG that ends before its end")
    return width, height
