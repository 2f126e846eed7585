"""Writes MNIST-sized files of made-up digits: `digits.py SAMPLE_FOLDER FOLDER TRAINING_IMAGES`.

scikit-learn's 1,797 digits, as the workload's sample data has them, drawn again and again with a seed, each time with
other noise. A sixth as many are for the test.
"""

import gzip
import struct
import sys
from pathlib import Path

import numpy as np


def read(path: Path, axes: int) -> np.ndarray:
    content = gzip.decompress(path.read_bytes())
    shape = struct.unpack(f">{axes}I", content[4 : 4 + 4 * axes])
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def write(path: Path, values: np.ndarray) -> None:
    header = struct.pack(f">4B{values.ndim}I", 0, 0, 0x08, values.ndim, *values.shape)
    path.write_bytes(gzip.compress(header + values.tobytes(), compresslevel=1))


def main(source: Path, folder: Path, count: int) -> None:
    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for prefix, number in (("train", count), ("t10k", count // 6)):
        images = read(source / f"{prefix}-images-idx3-ubyte.gz", 3)
        labels = read(source / f"{prefix}-labels-idx1-ubyte.gz", 1)
        drawn = random.integers(0, len(labels), number)
        noise = random.integers(0, 24, (number, *images.shape[1:]), dtype=np.uint8)
        write(folder / f"{prefix}-images-idx3-ubyte.gz", np.minimum(images[drawn], 231) + noise)
        write(folder / f"{prefix}-labels-idx1-ubyte.gz", labels[drawn])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
