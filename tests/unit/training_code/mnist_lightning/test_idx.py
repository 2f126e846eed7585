"""IDX files: read whole, or refused by name."""

from __future__ import annotations

import gzip
import importlib.util
import struct

import numpy as np
import pytest

from tests.support.container_python import ROOT

SOURCE = ROOT / "training_code/mnist_lightning/shared/idx.py"


@pytest.fixture(scope="module")
def idx():
    specification = importlib.util.spec_from_file_location("idx", SOURCE)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def encoded(values: np.ndarray, *, magic: bytes | None = None, shape: tuple[int, ...] | None = None) -> bytes:
    shape = values.shape if shape is None else shape
    magic = bytes([0, 0, 8, len(shape)]) if magic is None else magic
    return magic + struct.pack(f">{len(shape)}I", *shape) + values.tobytes()


IMAGES = (np.arange(2 * 28 * 28) % 251).astype(np.uint8).reshape(2, 28, 28)


@pytest.mark.parametrize("name", ["images.gz", "images"])
def test_images_come_back_as_they_were_written(idx, tmp_path, name):
    content = encoded(IMAGES)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert (idx.read_images(tmp_path / name) == IMAGES).all()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not an IDX file"),
        (b"\x00\x00\x08\x03\x00", "ends within its header"),
        (encoded(IMAGES, magic=b"\x00\x00\x0d\x03"), "expected '00000803'"),
        (encoded(IMAGES, magic=b"\x00\x00\x08\x01"), "it starts with '00000801'"),
        (encoded(IMAGES)[:-1], "1568 bytes of values, but there are only 1567"),
        (encoded(IMAGES) + b"\0", "1568 bytes of values, but there are more"),
        (encoded(IMAGES, shape=(4, 28, 14)), "expected images of 28x28, got 28x14"),
        (encoded(IMAGES, shape=(2**32 - 1, 2**32 - 1, 2**32 - 1)), "more than 1073741824 values"),
        (encoded(IMAGES, shape=(2**20, 28, 28)), "but there are only 1568"),
    ],
)
@pytest.mark.parametrize("name", ["images.gz", "images"])
def test_what_is_not_the_file_it_says_is_refused_by_name(idx, tmp_path, name, content, told):
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    with pytest.raises(idx.InvalidIdxFile) as caught:
        idx.read_images(tmp_path / name)
    assert str(caught.value).startswith(f"{name}: ")
    assert told in str(caught.value)


def test_every_cut_and_every_flipped_bit_of_a_compressed_file_is_noticed(idx, tmp_path):
    path = tmp_path / "images.gz"
    whole = gzip.compress(encoded(IMAGES), mtime=0)
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(idx.InvalidIdxFile):
            idx.read_images(path)
    for position in range(10, len(whole), 3):  # behind the header, whose time and system say nothing about the content
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises(idx.InvalidIdxFile):
            idx.read_images(path)


@pytest.mark.parametrize(
    ("labels", "images", "told"), [([1, 2, 3], 2, "3 labels for 2 images"), ([1, 10], 2, "label 1 is 10")]
)
def test_labels_have_to_fit_the_images_and_the_classes(idx, tmp_path, labels, images, told):
    (tmp_path / "labels").write_bytes(encoded(np.array(labels, dtype=np.uint8)))
    with pytest.raises(idx.InvalidIdxFile, match=told):
        idx.read_labels(tmp_path / "labels", images=images)


def test_a_missing_file_is_named_with_what_is_there(idx, tmp_path):
    (tmp_path / "other.txt").touch()
    with pytest.raises(FileNotFoundError, match=r"train-images-idx3-ubyte\.gz is not in .*other\.txt"):
        idx.find_file(tmp_path, "train-images-idx3-ubyte")
