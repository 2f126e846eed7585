"""Draws videos of moving shapes: `draw.py FOLDER NUMBER SECONDS`. 320 x 240 pixels, 30 frames a second, MPEG-4 part 2.

Four of each class, and copies of them under other names: `FOLDER/videos/<class>/<number>.mp4` and
`FOLDER/classes/classes.txt`, as the workload's processing step takes them.
"""

import shutil
import sys
from pathlib import Path

import cv2
import numpy as np

CLASSES, SIZE, RATE, DRAWN = ("circle", "square"), (320, 240), 30, 4


def draw(path: Path, name: str, frames: int, random: np.random.Generator) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), RATE, SIZE)
    background = cv2.resize(random.integers(0, 160, (12, 16, 3), dtype=np.uint8), SIZE)
    start, step = random.uniform(60, 180, 2), random.uniform(-1, 1, 2)
    for number in range(frames):
        picture = background + random.integers(0, 8, background.shape, dtype=np.uint8)
        middle = (start + number * step).round().astype(int) % np.array(SIZE)
        if name == "circle":
            cv2.circle(picture, middle.tolist(), 40, (40, 200, 250), cv2.FILLED)
        else:
            cv2.rectangle(picture, (middle - 35).tolist(), (middle + 35).tolist(), (250, 200, 40), cv2.FILLED)
        writer.write(picture)
    writer.release()


def main(folder: Path, number: int, seconds: int) -> None:
    random = np.random.default_rng(0)
    for name in CLASSES:
        (folder / "videos" / name).mkdir(parents=True)
        for clip in range(number // len(CLASSES)):
            path = folder / "videos" / name / f"{clip:04d}.mp4"
            if clip < DRAWN:
                draw(path, name, seconds * RATE, random)
            else:
                shutil.copyfile(path.with_name(f"{clip % DRAWN:04d}.mp4"), path)
    (folder / "classes").mkdir()
    (folder / "classes" / "classes.txt").write_text("".join(f"{name}\n" for name in CLASSES))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
