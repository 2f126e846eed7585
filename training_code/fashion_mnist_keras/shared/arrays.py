"""Reads labelled pictures out of an npz file: `image` (N x 28 x 28, grey levels 0 to 255) and `label` (N)."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

SHAPE = (28, 28)
CLASSES = 10


class InvalidArrays(ValueError):
    """A file that does not hold what it should; the message names the file and the key."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path.name}: {reason}")


def read(folder: Path, channel: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (uint8, N x 28 x 28) and labels (int64, N) of `<folder>/<channel>.npz`.

    A last axis of length one (N x 28 x 28 x 1), as some tools write it, is dropped. Raises InvalidArrays,
    FileNotFoundError.
    """
    path = folder / f"{channel}.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:  # a pickle could run code
            found = {name: arrays[name] for name in ("image", "label") if name in arrays.files}
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise InvalidArrays(path, f"is not an npz file of plain numbers: {error}") from error
    if missing := {"image", "label"} - found.keys():
        raise InvalidArrays(path, f"lacks the array {' and '.join(sorted(missing))}")
    return _images(path, found["image"]), _labels(path, found["label"], images=len(found["image"]))


def _images(path: Path, images: np.ndarray) -> np.ndarray:
    if images.shape[3:] == (1,):
        images = images[..., 0]
    if images.shape[1:] != SHAPE or not len(images):
        raise InvalidArrays(path, f"image has the shape {images.shape}; expected N x 28 x 28 with N at least 1")
    if images.dtype != np.uint8:
        raise InvalidArrays(path, f"image holds {images.dtype}; expected uint8, 0 to 255")
    return images


def _labels(path: Path, labels: np.ndarray, *, images: int) -> np.ndarray:
    if labels.shape != (images,) or labels.dtype.kind not in "iu":
        raise InvalidArrays(path, f"label holds {labels.dtype} {labels.shape}; expected {images} whole numbers")
    wrong = np.flatnonzero((labels < 0) | (labels >= CLASSES))
    if len(wrong):
        raise InvalidArrays(path, f"label[{wrong[0]}] is {labels[wrong[0]]}; expected 0 to {CLASSES - 1}")
    return labels.astype(np.int64)
