"""mnist_lightning beside the raw loop and the tutorials' pattern: a 784-128-10 network, batches of 64, one thread.

Images per second are the trained images of an epoch by the median time from one epoch's line to the next, in which
every side validates as well. Ours also shifts the images, follows a schedule, counts accuracy, logs, and writes
checkpoints.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.environments import environment
from benchmarks.results import Goal
from benchmarks.timed import Run, run
from benchmarks.trainings.comparison import RIVALS, THREADS, Figures, interpreter, require, sample_data, training_code

WORKLOAD = "mnist_lightning"
PILLOW = "pillow==12.2.0"
OURS, RAW, TUTORIAL = "mnist: ours", "mnist: raw loop", "mnist: tutorial"


class Mnist:
    goals: Mapping[str, Goal] = {
        "mnist: images/s, ours / raw resident loop": Goal(minimum=0.95),
        "mnist: images/s, ours / tutorial pattern": Goal(minimum=8),
    }

    def __init__(self, work: Path, *, data: Path | None = None, images: int = 60_000, epochs: int = 4) -> None:
        """`data`: a folder with MNIST's four files instead of made-up digits."""
        self._work, self._epochs = work, epochs
        self._python = interpreter(WORKLOAD)
        self._data = data / "mnist" if data else self._make_digits(images)
        self._trained = self._count()
        pillow = environment("training-pillow", [PILLOW])
        (self._packages,) = pillow.glob("lib/python*/site-packages")

    def sides(self) -> dict[str, Callable[[], Figures]]:
        return {OURS: self.ours, RAW: self.raw, TUTORIAL: self.tutorial}

    def ratios(self, run: Mapping[str, Figures]) -> dict[str, float]:
        speed = {side: figures["images_per_second"] for side, figures in run.items()}
        raw, tutorial = self.goals
        return {raw: speed[OURS] / speed[RAW], tutorial: speed[OURS] / speed[TUTORIAL]}

    def ours(self) -> Figures:
        place = self._work / "ours"
        shutil.rmtree(place, ignore_errors=True)
        folders = {"train": self._data, "test": self._data, "model-dir": place / "model"}
        folders |= {"output-data-dir": place / "logs", "checkpoint-dir": place / "checkpoints"}
        settings = {"network": "mlp", "batch_size": 64, "dropout": 0, "epochs": self._epochs}
        arguments = [str(part) for name, value in {**folders, **settings}.items() for part in (f"--{name}", value)]
        done = run([self._python, training_code(WORKLOAD) / "train.py", *arguments], threads=THREADS)
        require("ours: test_accuracy", done.figure("test_accuracy"), at_least=0.9)
        return self._figures(done)

    def raw(self) -> Figures:
        command = [self._python, RIVALS / "mnist_raw.py", self._data, str(self._epochs)]
        return self._figures(run(command, threads=THREADS))

    def tutorial(self) -> Figures:
        command = [self._python, RIVALS / "mnist_tutorial.py", self._data, "2", self._work / "logs"]
        return self._figures(run(command, threads=THREADS, variables={"PYTHONPATH": str(self._packages)}))

    def _figures(self, done: Run) -> Figures:
        require("val_accuracy", done.figure("val_accuracy"), at_least=0.9)
        return {
            "images_per_second": self._trained / done.interval("epoch="),
            "to_first_epoch_seconds": done.first("epoch="),
            "total_seconds": done.total,
        }

    def _make_digits(self, images: int) -> Path:
        source, folder = sample_data(WORKLOAD, self._work / "sample"), self._work / "digits"
        subprocess.run([self._python, RIVALS / "digits.py", source, folder, str(images)], check=True)
        return folder

    def _count(self) -> int:
        """Training images: all but the fifth to validate with."""
        script = "import sys, digits, pathlib; print(len(digits.read(pathlib.Path(sys.argv[1]), 1)))"
        labels = self._data / "train-labels-idx1-ubyte.gz"
        command = [self._python, "-c", script, labels]
        found = subprocess.run(command, cwd=RIVALS, check=True, stdout=subprocess.PIPE, text=True)
        return int(found.stdout) - int(found.stdout) // 5
