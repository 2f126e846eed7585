"""Reading IDX files, the format of MNIST, strictly: a damaged or hostile file is refused by name, never half read.

Format: http://yann.lecun.com/exdb/mnist/ (two zero bytes, one byte of type, one byte with the number of dimensions,
each dimension as a big-endian 32-bit number, then the values).
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

MAX_VALUES = 1 << 30  # a file that says it holds more is refused before anything is allocated
_UNSIGNED_BYTE = 0x08
_CHUNK = 1 << 20


class InvalidIdxFile(ValueError):
    """The file is not the IDX file that was expected. The message starts with the file's name."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path.name}: {reason}")


def read_idx(path: Path, *, dimensions: int) -> np.ndarray:
    """The unsigned bytes of an IDX file, compressed (name ends in .gz) or not, as an array with `dimensions` axes.

    Raises InvalidIdxFile, and OSError where the file cannot be opened.
    """
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        try:
            return _read(path, file, dimensions)
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise InvalidIdxFile(path, f"damaged gzip data: {error}") from error


def read_images(path: Path, *, shape: tuple[int, int] = (28, 28)) -> np.ndarray:
    """Grey images (uint8, N x height x width) of one given shape. Raises InvalidIdxFile."""
    images = read_idx(path, dimensions=3)
    if images.shape[1:] != shape:
        raise InvalidIdxFile(path, f"expected images of {shape[0]}x{shape[1]}, got {images.shape[1]}x{images.shape[2]}")
    return images


def read_labels(path: Path, *, images: int, classes: int = 10) -> np.ndarray:
    """Labels (uint8) below `classes`, one for each of `images` images. Raises InvalidIdxFile."""
    labels = read_idx(path, dimensions=1)
    if len(labels) != images:
        raise InvalidIdxFile(path, f"{len(labels)} labels for {images} images")
    if len(labels) and labels.max() >= classes:
        at = int((labels >= classes).argmax())
        raise InvalidIdxFile(path, f"label {at} is {labels[at]}; labels are 0 to {classes - 1}")
    return labels


def find_file(folder: Path, name: str) -> Path:
    """`name` or `name`.gz in a folder. Raises FileNotFoundError that says what the folder holds."""
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    present = ", ".join(sorted(path.name for path in folder.iterdir())) if folder.is_dir() else "no such folder"
    raise FileNotFoundError(f"{name}.gz is not in {folder} ({present or 'empty'})")


def _read(path: Path, file: BinaryIO, dimensions: int) -> np.ndarray:
    shape = _shape(path, file, dimensions)
    expected = math.prod(shape)
    if expected > MAX_VALUES:
        raise InvalidIdxFile(path, f"its header says {shape}, more than {MAX_VALUES} values")
    content = bytearray()
    while len(content) < expected and (chunk := file.read(min(_CHUNK, expected - len(content)))):
        content += chunk  # grows with what is really there, whatever the header says
    if len(content) < expected or file.read(1):
        found = f"only {len(content)}" if len(content) < expected else "more"
        raise InvalidIdxFile(path, f"its header says {shape}, {expected} bytes of values, but there are {found}")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _shape(path: Path, file: BinaryIO, dimensions: int) -> tuple[int, ...]:
    magic = file.read(4)
    expected = bytes([0, 0, _UNSIGNED_BYTE, dimensions])
    if magic != expected:
        raise InvalidIdxFile(path, f"not an IDX file: it starts with {magic.hex()!r}, expected {expected.hex()!r}")
    header = file.read(4 * dimensions)
    if len(header) < 4 * dimensions:
        raise InvalidIdxFile(path, "ends within its header")
    return struct.unpack(f">{dimensions}I", header)
