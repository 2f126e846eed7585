"""The format of the MNIST files (http://yann.lecun.com/exdb/mnist, "the IDX file format"). Rows count from 0."""

from __future__ import annotations

import struct
from typing import BinaryIO

from checker.arrays import Layout, Numbers, check_classes_fit, check_shape
from checker.findings import BadFile, Findings
from checker.rows import Classes, Rows
from checker.streams import File, skip_all

TYPES = {8: "uint8", 9: "int8", 11: "int16", 12: "int32", 13: "float32", 14: "float64"}


def check_idx(file: File, findings: Findings) -> int:
    """How many rows the file has: the length of its first dimension."""
    rules = file.rules
    rows, classes = Rows(rules, findings), Classes(rules["classes"], findings)
    with file.open() as stream:
        layout = _layout(stream)
        header = 4 + 4 * len(layout.shape)
        if not file.packed and file.size != header + layout.bytes:
            raise _wrong_length(layout, file.size - header)
        if layout.type != rules["type"]:
            raise BadFile("type", f"holds {layout.type}, expected {rules['type']}")
        check_shape(layout, rules["shape"], findings, None)
        check_classes_fit(layout, rules["classes"])
        rows.add(layout.rows)
        read = Numbers(layout, rules, classes, findings).read(stream)
        length = read + skip_all(stream)
    if length != layout.bytes:
        raise _wrong_length(layout, length)
    rows.finish()
    classes.finish()
    return rows.count


def _layout(stream: BinaryIO) -> Layout:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or not 1 <= magic[3] <= 32:
        raise BadFile("magic", f"is not IDX: it begins with the bytes {magic.hex() or '(none)'}")
    sizes = stream.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise BadFile("length", f"ends within the lengths of its {magic[3]} dimensions")
    return Layout(type=TYPES[magic[2]], shape=struct.unpack(f">{magic[3]}I", sizes), big_endian=True)


def _wrong_length(layout: Layout, length: int) -> BadFile:
    shape = " x ".join(map(str, layout.shape))
    return BadFile(
        "length", f"holds {length} bytes of numbers, its dimensions {shape} of {layout.type} need {layout.bytes}"
    )
