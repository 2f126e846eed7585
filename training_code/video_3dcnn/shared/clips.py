"""A video -> an array of few small frames: picked by seeking, scaled, and written where they belong at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

_NEAR = 48
"""Frames. A jump decodes all from a keyframe on that lies at least 16 frames before: 20 to 300 in files that people
have, so that going on is never much slower, and ten times as fast in those with few keyframes."""


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
    # Many videos are read at once; threads within each would wait for one another at every jump.
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    try:
        if not capture.isOpened():
            raise UnreadableVideo("is not a video that OpenCV can open")
        return _frames(capture, shape)
    finally:
        capture.release()


def _frames(capture: cv2.VideoCapture, shape: Shape) -> np.ndarray:
    found = np.empty(shape.array, dtype=np.uint8)
    reached = 0
    for place, position in enumerate(_positions(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), shape)):
        _go(capture, reached, position)
        reached = position + 1
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


def _go(capture: cv2.VideoCapture, reached: int, position: int) -> None:
    """To a frame, by a jump or, where that is no further, past the frames between, which are not made into pictures."""
    if position - reached > _NEAR:
        capture.set(cv2.CAP_PROP_POS_FRAMES, position)
        return
    for _ in range(position - reached):
        capture.grab()


def _positions(available: int, shape: Shape) -> list[int]:
    needed = shape.frames if shape.interval == 0 else (shape.frames - 1) * shape.interval + 1
    if available < needed:
        raise UnreadableVideo(f"has {available} frames; {needed} are needed")
    if shape.interval:
        return [place * shape.interval for place in range(shape.frames)]
    return [place * available // shape.frames for place in range(shape.frames)]
