"""What lies between the processing step and the training: for each video an .npz of frames and its class's number."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shared.clips import Shape

_EARLIEST = (1980, 1, 1, 0, 0, 0)  # of a zip file. A real date would make each run's bytes different


class InvalidExamples(ValueError):
    """A folder or file that does not hold what it should; the message names it."""


@dataclass(frozen=True)
class Examples:
    """Frames (uint8, N x height x width x depth x channels), labels (int64, N), and what the videos were made into."""

    frames: np.ndarray
    labels: np.ndarray
    shape: Shape


def write(path: Path, *, frames: np.ndarray, label: int, interval: int) -> None:
    """One example. The same content gives the same bytes, wherever and whenever."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {"frames": frames, "label": np.int64(label), "interval": np.int64(interval)}
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=_EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w") as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)


def read(folder: Path) -> Examples:
    """All examples below `folder`, in the order of their paths. Raises InvalidExamples."""
    paths = sorted(folder.rglob("*.npz"))
    if not paths:
        raise InvalidExamples(f"{folder} holds no .npz file")
    first, _, interval = _one(paths[0])
    frames, labels = np.empty((len(paths), *first.shape), dtype=np.uint8), np.empty(len(paths), dtype=np.int64)
    for number, path in enumerate(paths):
        one, labels[number], found = _one(path)
        if (one.shape, found) != (first.shape, interval):
            raise InvalidExamples(
                f"{path.name}: is of {one.shape}, {found}; {paths[0].name} of {first.shape}, {interval}"
            )
        frames[number] = one
    size, _, depth, channels = first.shape
    return Examples(frames, labels, Shape(frames=depth, interval=interval, color=channels == 3, size=size))


def _one(path: Path) -> tuple[np.ndarray, int, int]:
    """Frames, label, interval."""
    try:
        with np.load(path, allow_pickle=False) as arrays:  # a pickle could run code
            frames, label, interval = arrays["frames"], arrays["label"], arrays["interval"]
    except (KeyError, ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise InvalidExamples(f"{path.name}: is not an npz file with frames, label and interval: {error}") from error
    numbers = all(one.shape == () and one.dtype.kind in "iu" for one in (label, interval))
    if frames.dtype != np.uint8 or frames.ndim != 4 or not numbers:
        raise InvalidExamples(
            f"{path.name}: frames is {frames.dtype} {frames.shape}; label {label}, interval {interval}"
        )
    return frames, int(label), int(interval)
