"""The data set that the workload makes itself, and the one it makes of Fashion-MNIST's own files."""

from __future__ import annotations

import gzip
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.container_python import ROOT

FOLDER = ROOT / "training_code/fashion_mnist_keras"


def write_idx(path: Path, values: np.ndarray) -> None:
    content = struct.pack(f">4B{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def idx(tmp_path):
    """Fashion-MNIST's four files, small; two of them unpacked, as some archives have them."""
    folder = tmp_path / "idx"
    folder.mkdir()
    random = np.random.default_rng(0)
    for prefix, count, suffix in (("train", 20, ".gz"), ("t10k", 5, "")):
        images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        write_idx(folder / f"{prefix}-images-idx3-ubyte{suffix}", images)
        write_idx(folder / f"{prefix}-labels-idx1-ubyte{suffix}", np.arange(count, dtype=np.uint8) % 10)
    return folder


def convert(idx: Path, output: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, FOLDER / "idx_to_npz.py", idx, output], capture_output=True, text=True)


def test_fashion_mnists_files_become_the_two_channels(idx, tmp_path):
    assert convert(idx, tmp_path / "out").returncode == 0
    for channel, count in (("training", 20), ("validation", 5)):
        with np.load(tmp_path / f"out/{channel}.npz") as arrays:
            assert (arrays["image"].shape, arrays["image"].dtype) == ((count, 28, 28), np.uint8)
            assert arrays["label"].tolist() == [number % 10 for number in range(count)]
    first = gzip.decompress((idx / "train-images-idx3-ubyte.gz").read_bytes())[16 : 16 + 784]
    with np.load(tmp_path / "out/training.npz") as arrays:
        assert arrays["image"][0].tobytes() == first


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda content: content[:-3], "its header says 3920 values, it holds 3917"),
        (lambda content: b"PK" + content, "is not an IDX file of bytes"),
        (lambda content: content[:10], "ends inside its header"),
    ],
)
def test_a_damaged_file_is_named(idx, tmp_path, damage, told):
    path = idx / "t10k-images-idx3-ubyte"
    path.write_bytes(damage(path.read_bytes()))
    assert convert(idx, tmp_path / "out").stderr.splitlines()[-1] == f"ValueError: t10k-images-idx3-ubyte: {told}"


def test_the_sample_holds_out_a_fifth_of_every_digit_and_is_the_same_every_time(sample, tmp_path):
    subprocess.run([sys.executable, FOLDER / "sample_data.py", tmp_path], check=True, timeout=120)
    counts = {}
    for channel in ("training", "validation"):
        assert (tmp_path / f"{channel}.npz").read_bytes() == (sample / f"{channel}.npz").read_bytes()
        with np.load(sample / f"{channel}.npz") as arrays:
            counts[channel] = np.bincount(arrays["label"])
    assert np.allclose(counts["validation"] / sum(counts.values()), 0.2, atol=0.005)
