"""A video -> an array of few small frames: picked by seeking, scaled, and written where they belong at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np


class UnreadableVideo(ValueError):
    """A file that is no video, or one whose frames cannot all be read; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a video is made into.

    Attributes:
    frames: how many (the array's depth).
    interval: take every n-th frame from the first on; 0 spreads `frames` evenly over the whole video.
    color: three channels (RGB) instead of one.
    size: width and height, in pixels.
    """

    frames: int = 15
    interval: int = 0
    color: bool = True
    size: int = 32

    @property
    def array(self) -> tuple[int, int, int, int]:
        """Height, width, frames, channels."""
        return self.size, self.size, self.frames, 3 if self.color else 1


def read(path: Path, shape: Shape) -> np.ndarray:
    """The video as uint8 of `shape.array`. Raises UnreadableVideo."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise UnreadableVideo("is not a video that OpenCV can open")
        return _frames(capture, shape)
    finally:
        capture.release()


def _frames(capture: cv2.VideoCapture, shape: Shape) -> np.ndarray:
    found = np.empty(shape.array, dtype=np.uint8)
    for place, position in enumerate(_positions(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), shape)):
        capture.set(cv2.CAP_PROP_POS_FRAMES, position)
        complete, frame = capture.read()
        if not complete:
            raise UnreadableVideo(f"its frame {position} cannot be read")
        small = cv2.resize(frame, (shape.size, shape.size), interpolation=cv2.INTER_AREA)
        found[:, :, place] = (
            cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
            if shape.color
            else cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)[..., np.newaxis]
        )
    return found


def _positions(available: int, shape: Shape) -> list[int]:
    needed = shape.frames if shape.interval == 0 else (shape.frames - 1) * shape.interval + 1
    if available < needed:
        raise UnreadableVideo(f"has {available} frames; {needed} are needed")
    if shape.interval:
        return [place * shape.interval for place in range(shape.frames)]
    return [place * available // shape.frames for place in range(shape.frames)]
