"""Video containers: that the file is of the kind it should be, and not cut off. Pictures are not decoded."""

from __future__ import annotations

import struct
from typing import BinaryIO

from checker.findings import BadFile, Findings
from checker.streams import File, skip, skip_all

BOXES = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
"""What an ISO base media file (ISO/IEC 14496-12) or an old QuickTime file may begin with."""
MATROSKA = b"\x1a\x45\xdf\xa3"


def check_video(file: File, findings: Findings) -> None:
    with file.open() as stream:
        start = stream.read(12)
        if start[4:8] in BOXES:
            kind = "mov" if start[4:8] != b"ftyp" or start[8:12] == b"qt  " else "mp4"
            _check_boxes(stream, start)
        elif start[:4] == b"RIFF" and start[8:12] == b"AVI ":
            kind = "avi"
            _check_riff(stream, start)
        elif start[:4] == MATROSKA:
            kind = "webm" if b"webm" in start + stream.read(64) else "mkv"
            skip_all(stream)
        else:
            raise BadFile("kinds", f"is no video of a known kind: it begins with the bytes {start.hex() or '(none)'}")
    if kind not in file.rules["kinds"]:
        findings.add("kinds", f"is {kind}, expected {' or '.join(file.rules['kinds'])}")


def _check_boxes(stream: BinaryIO, start: bytes) -> None:
    """Walks the outermost boxes: size (4 bytes; 1: 8 bytes more, 0: to the end), type, content."""
    seen, pending = set(), start
    while len(pending) >= 8:
        size, kind = struct.unpack(">I4s", pending[:8])
        header = 8
        if size == 1:
            pending += stream.read(16 - len(pending)) if len(pending) < 16 else b""
            size, header = int.from_bytes(pending[8:16], "big"), 16
        seen.add(kind)
        if size == 0:
            skip_all(stream)
            pending = b""
            break
        if size < header:
            raise BadFile("video", "has a box with an impossible size")
        more = size - len(pending)
        pending, cut = (pending[size:], False) if more < 0 else (b"", skip(stream, more) < more)
        if cut:
            raise BadFile("truncated", "ends before its last box does")
        pending += stream.read(8 - len(pending)) if len(pending) < 8 else b""
    if pending:
        raise BadFile("truncated", "has something after its last box")
    if b"moov" not in seen:
        raise BadFile("truncated", "has no index (box moov): its recording was cut off")


def _check_riff(stream: BinaryIO, start: bytes) -> None:
    (size,) = struct.unpack("<I", start[4:8])
    length = len(start) + skip_all(stream)
    if length < 8 + size:
        raise BadFile("truncated", f"has {length} bytes, its header promises {8 + size}")
