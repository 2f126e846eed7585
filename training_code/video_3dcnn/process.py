"""Videos -> arrays, a share of them on each instance. In a Processing job the driver gives the folders; by hand:

python process.py --input-videos DATA/videos --input-classes DATA/classes --output-train TRAIN
  --output-validation VALIDATION --output-quarantine QUARANTINE

`videos/<class>/<clip>.mp4` becomes `<class>/<clip>.mp4.npz` in one of the first two outputs. What becomes of a video
follows from its own name and content and from classes.txt: not from the other videos, so any number of instances makes
the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import classes
import cv2
from shared import clips, examples

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".avi", ".mkv", ".webm"})


@dataclass(frozen=True, kw_only=True)
class Step:
    """What is done to each video, and where its result goes."""

    videos: Path
    train: Path
    validation: Path
    quarantine: Path
    numbers: dict[str, int]
    shape: clips.Shape
    validation_percent: int

    def handle(self, path: Path) -> str:
        """Converts one video, or puts it into quarantine with a file that says why. Returns what became of it."""
        place = path.relative_to(self.videos)
        try:
            label = self._label(place)
            frames = clips.read(path, self.shape)
        except clips.UnreadableVideo as error:
            return self._reject(path, place, str(error))
        output = self.validation if self._is_held_out(place) else self.train
        # With its suffix: clip.mp4 and clip.mov beside each other are two videos.
        examples.write(
            output / place.with_name(f"{place.name}.npz"), frames=frames, label=label, interval=self.shape.interval
        )
        return "validation" if output == self.validation else "train"

    def _label(self, place: Path) -> int:
        if len(place.parts) != 2 or place.parts[0] not in self.numbers:
            raise clips.UnreadableVideo(
                f"lies in {place.parent.as_posix()!r}, which {classes.FILE} does not name: {', '.join(self.numbers)}"
            )
        return self.numbers[place.parts[0]]

    def _is_held_out(self, place: Path) -> bool:
        """By the name alone: an instance sees only its share of the videos."""
        digest = hashlib.sha256(place.as_posix().encode()).digest()
        return int.from_bytes(digest[:8], "big") % 100 < self.validation_percent

    def _reject(self, path: Path, place: Path, reason: str) -> str:
        kept = self.quarantine / place
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, kept)
        kept.with_name(f"{kept.name}.reason.txt").write_text(f"{place.as_posix()}: {reason}\n", encoding="utf-8")
        print(f"quarantined {place.as_posix()}: {reason}", flush=True)
        return "quarantine"


def run(options: argparse.Namespace) -> Counter[str]:
    """Handles every video of the input; how many went where. Raises InvalidClasses, FileNotFoundError."""
    names = classes.read(options.input_classes)
    step = Step(
        videos=options.input_videos,
        train=options.output_train,
        validation=options.output_validation,
        quarantine=options.output_quarantine,
        numbers={name: number for number, name in enumerate(names)},
        shape=clips.Shape(frames=options.frames, interval=options.interval, color=options.color, size=options.size),
        validation_percent=options.validation_percent,
    )
    paths = sorted(path for path in step.videos.rglob("*") if path.is_file() and path.suffix.lower() in VIDEO_SUFFIXES)
    cv2.setNumThreads(1)  # the videos are what is done at once; OpenCV's threads let Python's run
    with ThreadPoolExecutor(_cores()) as pool:
        return Counter(pool.map(step.handle, paths))


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("input-videos", "input-classes", "output-train", "output-validation", "output-quarantine"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--frames", type=_positive, default=15, help="how many of each video")
    parser.add_argument("--interval", type=int, default=0, help="every n-th frame; 0: spread over the whole video")
    parser.add_argument("--color", type=_boolean, default=True, metavar="true|false")
    parser.add_argument("--size", type=_positive, default=32, help="width and height, in pixels")
    parser.add_argument(
        "--validation-percent", "--validation_percent", type=int, default=20, choices=range(101), metavar="0..100"
    )
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, got {text!r}")
    return int(text)


def _boolean(text: str) -> bool:
    values = {"true": True, "false": False, "1": True, "0": False}
    if text.lower() not in values:
        raise argparse.ArgumentTypeError(f"expected true or false, got {text!r}")
    return values[text.lower()]


def main(arguments: Sequence[str]) -> None:
    counts = run(parse(arguments))
    told = " ".join(f"{name}={counts[name]}" for name in ("train", "validation", "quarantine"))
    print(f"videos={counts.total()} {told}", flush=True)
    # A share may be empty, and one bad video is no reason to stop; but nothing readable at all is.
    if counts["quarantine"] and counts["quarantine"] == counts.total():
        sys.exit("no video of this instance's share could be used; the reasons are above and in the quarantine")


if __name__ == "__main__":
    main(sys.argv[1:])
