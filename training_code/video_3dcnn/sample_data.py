# /// script
# requires-python = ">=3.11"
# dependencies = ["opencv-python-headless==5.0.0.93", "numpy==2.4.6"]
# ///
"""Draws short videos of moving shapes: `sample_data.py FOLDER [CLIPS_A_CLASS]`.

`FOLDER/videos/<class>/<number>.mp4` (64 x 48 pixels, 20 frames) and `FOLDER/classes/classes.txt`. Circles move to the
right, squares down, triangles towards the lower left; size, place, speed, colours and noise differ from clip to clip.
The same pictures come out every time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

CLASSES = ("circle", "square", "triangle")
WIDTH, HEIGHT, FRAMES, FRAMES_PER_SECOND = 64, 48, 20, 10
CLIPS = 40
SEED = 0
_STEPS = {"circle": (1.0, 0.0), "square": (0.0, 1.0), "triangle": (-0.8, 0.6)}


def frames(name: str, random: np.random.Generator) -> list[np.ndarray]:
    """One clip of a class: FRAMES pictures, uint8, HEIGHT x WIDTH x 3."""
    radius = random.uniform(7, 12)
    across, down = (part * random.uniform(0.8, 1.6) for part in _STEPS[name])
    middle = np.array([WIDTH / 2, HEIGHT / 2]) + random.uniform(-6, 6, 2)
    background, colour = random.integers(0, 90, 3), random.integers(150, 256, 3)
    found = []
    for number in range(FRAMES):
        offset = number - FRAMES / 2
        picture = np.full((HEIGHT, WIDTH, 3), background, dtype=np.uint8)
        _draw(picture, name, middle + offset * np.array([across, down]), radius, colour.tolist())
        noisy = picture + random.normal(0, 6, picture.shape)
        found.append(noisy.clip(0, 255).astype(np.uint8))
    return found


def _draw(picture: np.ndarray, name: str, centre: np.ndarray, radius: float, colour: list[int]) -> None:
    if name == "circle":
        cv2.circle(picture, tuple(centre.round().astype(int).tolist()), round(radius), colour, cv2.FILLED)
        return
    corners = {"square": 4, "triangle": 3}[name]
    start = {"square": np.pi / 4, "triangle": -np.pi / 2}[name]
    angles = start + 2 * np.pi * np.arange(corners) / corners
    points = centre + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    cv2.fillPoly(picture, [points.round().astype(np.int32)], colour)


def write_clip(path: Path, pictures: list[np.ndarray]) -> None:
    """Writes an MP4 file (MPEG-4 part 2, which every OpenCV can write)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), FRAMES_PER_SECOND, (WIDTH, HEIGHT))
    if not writer.isOpened():
        raise OSError(f"{path} cannot be written as an MP4 file by this OpenCV")
    try:
        for picture in pictures:
            writer.write(picture)
    finally:
        writer.release()


def write(folder: Path, clips_a_class: int = CLIPS) -> None:
    random = np.random.default_rng(SEED)
    for name in CLASSES:
        for number in range(clips_a_class):
            write_clip(folder / "videos" / name / f"{number:04d}.mp4", frames(name, random))
    (folder / "classes").mkdir(parents=True, exist_ok=True)
    (folder / "classes" / "classes.txt").write_text("".join(f"{name}\n" for name in CLASSES), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(f"usage: {sys.argv[0]} FOLDER [CLIPS_A_CLASS]")
    write(Path(sys.argv[1]), *map(int, sys.argv[2:]))
