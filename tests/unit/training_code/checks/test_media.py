"""Pictures, videos, Parquet: kind, size, and that they are whole."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest

Find = Callable[..., list[dict[str, Any]]]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * (width + 1) * height))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    def segment(marker: int, data: bytes) -> bytes:
        return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data

    tables = segment(0xE0, b"JFIF\0" + bytes(9)) + segment(0xDB, bytes(65)) + segment(0xC4, bytes(20))
    frame = segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + bytes(3))
    return b"\xff\xd8" + tables + frame + segment(0xDA, bytes(6)) + b"picture" + b"\xff\xd9"


def box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data) + 8, kind) + data


MP4 = box(b"ftyp", b"isom\0\0\2\0") + box(b"mdat", bytes(100)) + box(b"moov", bytes(50))
LARGE = box(b"ftyp", b"isom\0\0\2\0") + struct.pack(">I4sQ", 1, b"mdat", 116) + bytes(100) + box(b"moov", b"")
AVI = b"RIFF" + struct.pack("<I", 104) + b"AVI " + bytes(100)
PARQUET = b"PAR1" + bytes(20) + b"footer" + struct.pack("<I", 6) + b"PAR1"


def rules_of(findings: list[dict[str, Any]]) -> list[str]:
    return [finding["rule"] for finding in findings]


@pytest.mark.parametrize("make", [png, jpeg])
def test_the_size_of_a_picture(findings_of: Find, make: Callable[[int, int], bytes]) -> None:
    rules: dict[str, Any] = {"format": "image", "width": {"minimum": 32, "maximum": 32}, "height": {"minimum": 16}}
    assert findings_of(make(32, 16), **rules) == []
    assert rules_of(findings_of(make(31, 15), **rules)) == ["width", "height"]
    (found,) = findings_of(make(33, 17), **rules)
    assert found["message"] == "has a width of 33 pixels, above the maximum 32"


def test_the_kind_of_a_picture(findings_of: Find) -> None:
    assert rules_of(findings_of(jpeg(2, 2), format="image", kinds=["png"])) == ["kinds"]
    assert rules_of(findings_of(b"GIF89a..", format="image")) == ["kinds"]


@pytest.mark.parametrize(
    ("content", "format"),
    [(png(4, 4), "image"), (jpeg(4, 4), "image"), (MP4, "video"), (AVI, "video"), (PARQUET, "parquet")],
)
def test_a_file_that_was_cut_off_is_refused_wherever(findings_of: Find, content: bytes, format: str) -> None:
    assert findings_of(content, format=format) == []
    for length in range(len(content)):
        assert findings_of(content[:length], format=format), length


def test_a_picture_s_checksums(findings_of: Find) -> None:
    content = png(4, 4)
    for position in range(8, len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1
        assert findings_of(bytes(damaged), format="image"), position
    assert rules_of(findings_of(content + b"x", format="image")) == ["png"]


@pytest.mark.parametrize(
    ("content", "kinds", "rule"),
    [
        (LARGE, ["mp4"], None),
        (MP4 + struct.pack(">I4s", 0, b"free") + bytes(9), ["mp4"], None),
        (box(b"ftyp", b"qt  \0\0\0\0") + box(b"moov", b""), ["mov"], None),
        (box(b"moov", b"1234") + box(b"mdat", b""), ["mov"], None),
        (box(b"moov", b"") + box(b"mdat", b""), ["mov"], None),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm", ["webm"], None),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska", ["mkv"], None),
        (MP4, ["avi"], "kinds"),
        (box(b"ftyp", b"isom\0\0\2\0") + box(b"mdat", bytes(9)), ["mp4"], "truncated"),
        (box(b"ftyp", b"isom\0\0\2\0") + struct.pack(">I4s", 4, b"moov"), ["mp4"], "video"),
        (b"not a video at all", ["mp4"], "kinds"),
    ],
)
def test_videos(findings_of: Find, content: bytes, kinds: list[str], rule: str | None) -> None:
    assert rules_of(findings_of(content, format="video", kinds=kinds)) == ([rule] if rule else [])


def test_a_parquet_file_s_footer_must_fit(findings_of: Find) -> None:
    content = b"PAR1" + bytes(20) + struct.pack("<I", 21) + b"PAR1"
    assert rules_of(findings_of(content, format="parquet")) == ["footer"]
    assert rules_of(findings_of(b"PARE" + content[4:], format="parquet")) == ["magic"]
