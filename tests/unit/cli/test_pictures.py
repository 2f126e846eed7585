"""IDX files and pictures in text."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest

from cli import pictures
from cli.errors import CliError


def write_images(path: Path, images: list[pictures.Image], magic: int = 2051) -> Path:
    height, width = len(images[0]), len(images[0][0])
    body = bytes(value for image in images for row in image for value in row)
    path.write_bytes(gzip.compress(struct.pack(">IIII", magic, len(images), height, width) + body))
    return path


def test_images_and_labels_are_read_as_they_were_written(tmp_path: Path) -> None:
    images = [[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]]
    assert pictures.read_images(write_images(tmp_path / "images.gz", images)) == images
    labels = tmp_path / "labels.gz"
    labels.write_bytes(gzip.compress(struct.pack(">II", 2049, 3) + bytes([7, 0, 9])))
    assert pictures.read_labels(labels) == [7, 0, 9]


def test_a_file_that_is_not_idx_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CliError, match=r"images\.gz is not an IDX file of images \(magic 7"):
        pictures.read_images(write_images(tmp_path / "images.gz", [[[0]]], magic=7))
    labels = tmp_path / "labels.gz"
    labels.write_bytes(gzip.compress(struct.pack(">II", 2049, 3) + bytes([7])))
    with pytest.raises(CliError, match=r"labels\.gz is not an IDX file of labels"):
        pictures.read_labels(labels)


def test_a_picture_has_half_the_width_and_a_quarter_of_the_lines() -> None:
    lines = pictures.draw([[255] * 28 for _ in range(28)])
    assert lines == ["█" * 14] * 7


def test_upper_and_lower_halves_are_told_apart() -> None:
    dark, light = [0, 0, 255, 255], [255, 255, 0, 0]
    assert pictures.draw([dark, dark, light, light]) == ["▄▀"]
    assert pictures.draw([dark, dark]) == [" ▀"]


def test_pictures_stand_side_by_side_with_their_captions_below() -> None:
    assert pictures.side_by_side([["██"], ["▀▀"]], [["a"], ["bcd"]]) == ["██   ▀▀", "a    bcd"]
