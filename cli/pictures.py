"""Reads IDX images and draws them as text, two rows of pixels a line, by half blocks."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence
from pathlib import Path

from cli.errors import CliError

Image = list[list[int]]  # rows of grey values, 0-255

_IMAGES_MAGIC, _LABELS_MAGIC = 2051, 2049
_INK = 96  # grey value from which a pixel is drawn


def read_images(path: Path) -> list[Image]:
    """The images of an IDX gz file (magic 2051, count, rows, columns, bytes)."""
    data = gzip.decompress(path.read_bytes())
    magic, count, height, width = struct.unpack_from(">IIII", data)
    if magic != _IMAGES_MAGIC or len(data) != 16 + count * height * width:
        raise CliError(
            f"{path} is not an IDX file of images (magic {magic}, {count}x{height}x{width}, {len(data)} bytes)."
        )
    rows = [list(data[start : start + width]) for start in range(16, len(data), width)]
    return [rows[index * height : (index + 1) * height] for index in range(count)]


def read_labels(path: Path) -> list[int]:
    """The labels of an IDX gz file (magic 2049, count, bytes)."""
    data = gzip.decompress(path.read_bytes())
    magic, count = struct.unpack_from(">II", data)
    if magic != _LABELS_MAGIC or len(data) != 8 + count:
        raise CliError(f"{path} is not an IDX file of labels (magic {magic}, {count} labels, {len(data)} bytes).")
    return list(data[8:])


def draw(image: Image) -> list[str]:
    """The picture at half its size: a line is two rows of pixels, each the mean of 2x2 of the image's."""
    small = _halved(image)
    if len(small) % 2:
        small.append([0] * len(small[0]))
    return [
        "".join(_block(top >= _INK, bottom >= _INK) for top, bottom in zip(upper, lower, strict=True))
        for upper, lower in zip(small[::2], small[1::2], strict=True)
    ]


def side_by_side(pictures: Sequence[Sequence[str]], captions: Sequence[Sequence[str]], gap: str = "  ") -> list[str]:
    """Pictures in one row with lines of text under each; all pictures have one size."""
    width = max(len(line) for picture in pictures for line in picture)
    width = max(width, max(len(line) for caption in captions for line in caption))
    columns = [[*picture, *caption] for picture, caption in zip(pictures, captions, strict=True)]
    return [gap.join(line.ljust(width) for line in lines).rstrip() for lines in zip(*columns, strict=True)]


def _halved(image: Image) -> Image:
    return [
        [
            sum(image[y][x] for y in (row, row + 1) for x in (column, column + 1)) // 4
            for column in range(0, len(image[0]) - 1, 2)
        ]
        for row in range(0, len(image) - 1, 2)
    ]


def _block(top: bool, bottom: bool) -> str:
    return {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}[top, bottom]
