"""The processing step of video_3dcnn beside the pattern it replaces, and its shards.

    python -m benchmarks.video [--clips N] [--seconds N] [--rounds N] [--json FILE] [--write-docs]

The pattern decodes all frames of one video after the other into lists, scales them and picks fifteen. Our step picks
the same fifteen, which is checked pixel by pixel before anything is timed, and writes what the pattern writes. Both
have the whole machine and are timed from the start of the process to its end.

The shards are two instances' processes, each on a core of its own with half of the videos, against one process on one
core with all of them. They have every video under four names, so that what is measured is the work, of which a data set
has more than this one, and not the start of Python. The videos are drawn: 320 x 240 pixels, 30 frames a second, MPEG-4
part 2.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import command
from benchmarks.results import Goal, Result, alternate, summarise
from benchmarks.timed import run
from benchmarks.trainings.comparison import WrongResult, interpreter, training_code
from cli.programs import ROOT

RIVALS = ROOT / "benchmarks" / "rivals" / "video"
WORKLOAD, THREADS, NAMES = "video_3dcnn", 2, 4
PATTERN, SHARDS = "videos/s, ours / pattern", "two shards on two cores / one on one"
GOALS: Mapping[str, Goal] = {PATTERN: Goal(minimum=4), SHARDS: Goal(minimum=1.8)}
_COMPARE = """
import sys, pathlib, numpy as np
ours, pattern = (pathlib.Path(name) for name in sys.argv[1:])
names = [sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.npz")) for folder in (ours, pattern)]
same = names[0] == names[1] and all(
    np.array_equal(np.load(ours / name)["frames"], np.load(pattern / name)["frames"]) for name in names[0])
sys.exit(not same)
"""
# A process that may use one core only: its number, then the program and its arguments.
_PINNED = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])}); os.execv(sys.argv[2], sys.argv[2:])"


def measure(arguments: argparse.Namespace) -> Result:
    """Raises WrongResult."""
    with tempfile.TemporaryDirectory(prefix="slipway-video-") as folder:
        return compare(Step(Path(folder), arguments.clips, arguments.seconds), arguments.rounds)


def compare(step: Step, rounds: int) -> Result:
    step.check()
    sides: dict[str, Callable[[], float]] = {"ours": step.ours, "pattern": step.pattern}
    if (os.cpu_count() or 1) > 1 and hasattr(os, "sched_setaffinity"):
        sides |= {"one shard": step.one_shard, "two shards": step.two_shards}

    def ratios(run: Mapping[str, float]) -> dict[str, float]:
        found = {PATTERN: run["pattern"] / run["ours"]}
        return found | ({SHARDS: run["one shard"] / run["two shards"]} if "one shard" in run else {})

    goals = {name: goal for name, goal in GOALS.items() if name == PATTERN or "one shard" in sides}
    return summarise(alternate(rounds, sides), ratios, goals)


class Step:
    """Both ways on the same videos. Seconds of each."""

    def __init__(self, work: Path, clips: int, seconds: int) -> None:
        self._work, self._python = work, interpreter(WORKLOAD)
        self._all = work / "all"
        subprocess.run([self._python, RIVALS / "draw.py", self._all, str(clips), str(seconds)], check=True)
        self._whole, self._shares = self._share(0, 1), [self._share(number, 2) for number in range(2)]

    def check(self) -> None:
        """Raises WrongResult unless both pick the same pixels."""
        self.ours()
        self.pattern()
        places = [self._work / "ours" / "train", self._work / "pattern"]
        if subprocess.run([self._python, "-c", _COMPARE, *places], check=False).returncode:
            raise WrongResult("the processing step and the pattern picked different frames")

    def ours(self) -> float:
        return run(self._command(self._all, "ours"), threads=THREADS).total

    def pattern(self) -> float:
        command = [self._python, RIVALS / "article.py", self._all / "videos", self._work / "pattern"]
        return run(command, threads=THREADS).total

    def one_shard(self) -> float:
        return self._pinned(0, self._whole)

    def two_shards(self) -> float:
        """Until the slower one is done."""
        found = [0.0, 0.0]

        def work(number: int) -> None:
            found[number] = self._pinned(number, self._shares[number])

        threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if not all(found):
            raise WrongResult("a shard did not end well; what it said is above")
        return max(found)

    def _pinned(self, core: int, videos: Path) -> float:
        command = self._command(videos, f"shard-{core}")
        return run([self._python, "-c", _PINNED, str(core), *command], threads=1).total

    def _command(self, videos: Path, name: str) -> list[str | Path]:
        """The step as the driver starts it; none of the videos is held out, so that all lie in one folder."""
        place = self._work / name
        folders = {"input-videos": videos / "videos", "input-classes": self._all / "classes"}
        folders |= {f"output-{kind}": place / kind for kind in ("train", "validation", "quarantine")}
        arguments = [part for name, folder in folders.items() for part in (f"--{name}", folder)]
        return [self._python, training_code(WORKLOAD) / "process.py", *arguments, "--validation-percent", "0"]

    def _share(self, number: int, of: int) -> Path:
        """As ShardedByS3Key divides them: every second one by name, where there are two."""
        folder = self._work / f"share-{number}-of-{of}"
        for path in sorted(self._all.glob("videos/*/*.mp4"))[number::of]:
            place = folder / path.relative_to(self._all)
            place.parent.mkdir(parents=True, exist_ok=True)
            for name in range(NAMES):
                place.with_stem(f"{path.stem}-{name}").symlink_to(path)
        return folder


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clips", type=int, default=192, help="videos (%(default)s)")
    parser.add_argument("--seconds", type=int, default=10, help="of each video (%(default)s)")


if __name__ == "__main__":
    command.main("video", __doc__, measure, rounds=5, add_options=_add_options)
