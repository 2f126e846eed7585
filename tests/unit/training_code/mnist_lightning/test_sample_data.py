"""The digits that the project makes itself."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import sys

import numpy as np
import pytest

from tests.support.container_python import ROOT

SCRIPT = ROOT / "training_code/mnist_lightning/sample_data.py"


def values(path, header: int) -> np.ndarray:
    return np.frombuffer(gzip.decompress(path.read_bytes())[header:], dtype=np.uint8)


@pytest.mark.parametrize(("prefix", "count"), [("train", 1433), ("t10k", 364)])
def test_images_look_like_mnist_s(digits, prefix, count):
    images = values(digits / f"{prefix}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
    assert len(images) == count
    assert (images[:, :4].max(), images[:, -4:].max(), images[:, :, :4].max(), images[:, :, -4:].max()) == (0, 0, 0, 0)
    assert images.reshape(count, -1).max(axis=1).min() > 200


def test_a_fifth_of_every_digit_is_held_out(digits):
    train, test = (np.bincount(values(digits / f"{p}-labels-idx1-ubyte.gz", 8)) for p in ("train", "t10k"))
    assert np.allclose(test / (train + test), 0.2, atol=0.005)


def test_the_same_bytes_come_out_every_time(digits, tmp_path):
    subprocess.run([sys.executable, SCRIPT, tmp_path], check=True, timeout=120)
    first, second = (
        {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in f.iterdir()} for f in (digits, tmp_path)
    )
    assert first == second
