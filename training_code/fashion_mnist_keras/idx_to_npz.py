# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy==2.4.6"]
# ///
"""Makes training.npz and validation.npz of Fashion-MNIST's four files (or MNIST's): `idx_to_npz.py IDX_FOLDER FOLDER`.

Both sets come as train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte,
with or without .gz. IDX: two zero bytes, the type (8: bytes), the number of dimensions, their sizes, the values.
"""

from __future__ import annotations

import gzip
import math
import struct
import sys
from pathlib import Path

import numpy as np

_BYTES = 0x08
_PREFIXES = {"training": "train", "validation": "t10k"}


def read(folder: Path, name: str) -> np.ndarray:
    """The values (uint8) of `name` or `name.gz`. Raises ValueError naming the file, FileNotFoundError."""
    path = next((path for path in (folder / f"{name}.gz", folder / name) if path.is_file()), None)
    if path is None:
        raise FileNotFoundError(f"{folder} holds neither {name}.gz nor {name}")
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if len(content) < 4 or content[:3] != bytes([0, 0, _BYTES]):
        raise ValueError(f"{path.name}: is not an IDX file of bytes")
    dimensions = content[3]
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise ValueError(f"{path.name}: ends inside its header")
    shape = struct.unpack(f">{dimensions}I", content[4:header])
    if len(content) - header != math.prod(shape):
        raise ValueError(f"{path.name}: its header says {math.prod(shape)} values, it holds {len(content) - header}")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def convert(source: Path, folder: Path) -> None:
    """Writes both files. Raises ValueError, FileNotFoundError."""
    folder.mkdir(parents=True, exist_ok=True)
    for channel, prefix in _PREFIXES.items():
        images, labels = read(source, f"{prefix}-images-idx3-ubyte"), read(source, f"{prefix}-labels-idx1-ubyte")
        if len(images) != len(labels):
            raise ValueError(f"{prefix}: {len(images)} images, but {len(labels)} labels")
        np.savez_compressed(folder / f"{channel}.npz", image=images, label=labels)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} IDX_FOLDER FOLDER")
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
