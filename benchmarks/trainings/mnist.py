"""mnist_lightning beside the raw loop and the tutorials' pattern: a 784-128-10 network, batches of 64, one thread.

Images per second are the trained images of an epoch by the median time from one epoch's line to the next, in which
every side validates as well. Ours also shifts the images, follows a schedule, counts accuracy, logs, and writes
checkpoints.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.environments import environment
from benchmarks.results import Goal
from benchmarks.timed import Run, run
from benchmarks.trainings.comparison import RIVALS, THREADS, Figures, interpreter, require, sample_data
from benchmarks.trainings.container import Container

WORKLOAD = "mnist_lightning"
PILLOW = "pillow==12.2.0"
OURS, RAW, TUTORIAL, IMPORTS = "mnist: ours", "mnist: raw loop", "mnist: tutorial", "mnist: imports"
START = "mnist: container start to first step / bare import of Lightning"


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
        channels = dict.fromkeys(("train", "test"), self._data)
        self._container = Container(work / "ml", WORKLOAD, self._python, channels)
        pillow = environment("training-pillow", [PILLOW])
        (self._packages,) = pillow.glob("lib/python*/site-packages")

    def sides(self) -> dict[str, Callable[[], Figures]]:
        return {OURS: self.ours, RAW: self.raw, TUTORIAL: self.tutorial, IMPORTS: self.imports}

    def ratios(self, run: Mapping[str, Figures]) -> dict[str, float]:
        speed = {side: run[side]["images_per_second"] for side in (OURS, RAW, TUTORIAL)}
        raw, tutorial = self.goals
        start = run[OURS]["first_step_seconds"] / run[IMPORTS]["total_seconds"]
        return {raw: speed[OURS] / speed[RAW], tutorial: speed[OURS] / speed[TUTORIAL], START: start}

    def ours(self) -> Figures:
        settings = {"network": "mlp", "batch_size": 64, "dropout": 0.0, "epochs": self._epochs}
        done = self._container.run(settings)
        require("ours: test_accuracy", done.figure("test_accuracy"), at_least=0.9)
        phases = {"driver_seconds": done.first("driver: starting"), "first_step_seconds": done.first("epochs=")}
        return self._figures(done) | phases

    def imports(self) -> Figures:
        """What nobody who trains with Lightning gets round."""
        return {"total_seconds": run([self._python, "-c", "import pytorch_lightning"], threads=THREADS).total}

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
