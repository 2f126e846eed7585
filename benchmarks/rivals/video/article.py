"""The pattern: one video after the other, all its frames decoded and scaled into a list, then some of them picked.

`article.py VIDEOS FOLDER`; the frames of `<class>/<clip>.mp4` go to `<class>/<clip>.mp4.npz`, as our step names them.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

DEPTH, SIZE = 15, 32


def frames(path: Path) -> np.ndarray:
    capture = cv2.VideoCapture(str(path))
    every = []
    while True:
        complete, frame = capture.read()
        if not complete:
            break
        small = cv2.resize(frame, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        every.append(cv2.cvtColor(small, cv2.COLOR_BGR2RGB))
    capture.release()
    picked = [every[number * len(every) // DEPTH] for number in range(DEPTH)]
    return np.array(picked).transpose(1, 2, 0, 3)


def main(videos: Path, folder: Path) -> None:
    for label, place in enumerate(sorted(path for path in videos.iterdir() if path.is_dir())):
        (folder / place.name).mkdir(parents=True, exist_ok=True)
        for path in sorted(place.glob("*.mp4")):
            np.savez_compressed(folder / place.name / f"{path.name}.npz", frames=frames(path), label=label)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
