"""Apache Parquet: magic at both ends, and a footer that fits between them. The footer is not read."""

from __future__ import annotations

from checker.findings import BadFile, Findings
from checker.streams import CHUNK, File

MAGIC = b"PAR1"


def check_parquet(file: File, findings: Findings) -> None:
    length, tail = 0, b""
    with file.open() as stream:
        start = stream.read(4)
        length, tail = len(start), start
        while data := stream.read(CHUNK):
            length, tail = length + len(data), (tail + data)[-8:]
    if start != MAGIC:
        raise BadFile("magic", f"is not Parquet: it begins with the bytes {start.hex() or '(none)'}")
    if length < 12 or tail[4:] != MAGIC:
        raise BadFile("truncated", "is Parquet that ends before its end")
    footer = int.from_bytes(tail[:4], "little")
    if not 0 < footer <= length - 12:
        raise BadFile("footer", f"promises a footer of {footer} bytes in a file of {length}")
