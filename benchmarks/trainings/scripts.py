"""Workloads whose article is a script: both sides run on the same files for the same epochs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.results import Goal
from benchmarks.timed import Run, run
from benchmarks.trainings.comparison import RIVALS, THREADS, Figures, interpreter, require, sample_data, training_code
from benchmarks.trainings.container import Container

LEAST = Goal(minimum=1)
"""Ours is at least as fast."""
Prepare = Callable[[Path, Path, Path | None], Mapping[str, Path]]
"""(interpreter, folder to work in, folder of real data or None) -> the channels' folders; `article` is the rival's."""


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """What is compared of a workload.

    Attributes:
        rival: the script in benchmarks/rivals/training.
        seconds: of a run, what counts.
        measured: what that is, in the ratio's name.
        quality: figures that a run has to print, and what they have to be at least; each side's own.
    """

    name: str
    workload: str
    rival: str
    prepare: Prepare
    measured: str
    seconds: Callable[[Run], float]
    hyperparameters: Mapping[str, object] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    ours_quality: Mapping[str, float] = field(default_factory=dict)
    rival_quality: Mapping[str, float] = field(default_factory=dict)


class Scripts:
    """One pattern, prepared."""

    def __init__(self, pattern: Pattern, work: Path, *, data: Path | None = None) -> None:
        self._pattern = pattern
        self._python = interpreter(pattern.workload)
        channels = dict(pattern.prepare(self._python, work, data))
        self._article = channels.pop("article")
        self._container = Container(work / "ml", pattern.workload, self._python, channels)
        self._ratio = f"{pattern.name}: {pattern.measured}, article / ours"
        self.goals: Mapping[str, Goal] = {self._ratio: LEAST}

    def sides(self) -> dict[str, Callable[[], Figures]]:
        name = self._pattern.name
        return {f"{name}: ours": self.ours, f"{name}: article": self.article}

    def ratios(self, run: Mapping[str, Figures]) -> dict[str, float]:
        ours, article = (figures["seconds"] for figures in run.values())
        return {self._ratio: article / ours}

    def ours(self) -> Figures:
        done = self._container.run(self._pattern.hyperparameters)
        return self._figures(done, self._pattern.ours_quality)

    def article(self) -> Figures:
        command = [self._python, RIVALS / self._pattern.rival, self._article, *self._pattern.arguments]
        return self._figures(run(command, threads=THREADS), self._pattern.rival_quality)

    def _figures(self, done: Run, quality: Mapping[str, float]) -> Figures:
        reached = {name: require(name, done.figure(name), at_least=least) for name, least in quality.items()}
        return {"seconds": self._pattern.seconds(done), "total_seconds": done.total, **reached}


def epoch(done: Run) -> float:
    """The median time from one epoch's line to the next."""
    return done.interval("epoch=")


def whole(done: Run) -> float:
    """From the start of the process to its end."""
    return done.total


def _keras(python: Path, work: Path, data: Path | None) -> Mapping[str, Path]:
    folder = data / "fashion_mnist" if data else sample_data("fashion_mnist_keras", work / "data")
    return dict.fromkeys(("training", "validation", "article"), folder)


def _direct_marketing(python: Path, work: Path, data: Path | None) -> Mapping[str, Path]:
    if data is None:
        folder = sample_data("direct_marketing_xgboost", work / "data")
    else:
        folder = work / "data"
        (file,) = (data / "direct_marketing").glob("*.csv.gz")
        split = training_code("direct_marketing_xgboost") / "split.py"
        subprocess.run([python, split, file, folder], check=True)
    return dict.fromkeys(("train", "validation", "article"), folder)


def _karate_club(python: Path, work: Path, data: Path | None) -> Mapping[str, Path]:
    return dict.fromkeys(("train", "article"), sample_data("karate_club_gcn", work / "data"))


def _reviews(python: Path, work: Path, data: Path | None) -> Mapping[str, Path]:
    folder = sample_data("reviews_distilbert", work / "data")
    return {name: folder / name for name in ("train", "test", "pretrained")} | {"article": folder}


def _videos(python: Path, work: Path, data: Path | None) -> Mapping[str, Path]:
    """What the workload's processing step makes of clips that its sample data draw."""
    clips, made = sample_data("video_3dcnn", work / "clips", "12"), work / "data"
    folders = {"input-videos": clips / "videos", "input-classes": clips / "classes", "output-train": made / "train"}
    folders |= {"output-validation": made / "validation", "output-quarantine": made / "quarantine"}
    arguments = [str(part) for name, folder in folders.items() for part in (f"--{name}", folder)]
    script = training_code("video_3dcnn") / "process.py"
    subprocess.run([python, script, *arguments], check=True, stdout=subprocess.DEVNULL)
    channels = {name: made / name for name in ("train", "validation")}
    return {**channels, "classes": clips / "classes", "article": made}


PATTERNS = (
    Pattern(
        name="keras",
        workload="fashion_mnist_keras",
        rival="keras_article.py",
        prepare=_keras,
        measured="epoch",
        seconds=epoch,
        hyperparameters={"epochs": 3},
        arguments=("3",),
        ours_quality={"validation_accuracy": 0.8},
        rival_quality={"validation_accuracy": 0.8},
    ),
    Pattern(
        name="xgboost",
        workload="direct_marketing_xgboost",
        rival="xgboost_article.py",
        prepare=_direct_marketing,
        measured="start to end",
        seconds=whole,
        ours_quality={"validation_auc": 0.85},
        rival_quality={"validation_auc": 0.85},
    ),
    Pattern(
        name="gcn",
        workload="karate_club_gcn",
        rival="gcn_article.py",
        prepare=_karate_club,
        measured="epoch",
        seconds=epoch,
        hyperparameters={"epochs": 200},
        arguments=("200",),
        ours_quality={"train_accuracy": 1.0},
    ),
    Pattern(
        name="distilbert",
        workload="reviews_distilbert",
        rival="distilbert_article.py",
        prepare=_reviews,
        measured="epoch",
        seconds=epoch,
        hyperparameters={"epochs": 4, "learning_rate": 0.001},
        arguments=("4",),
        ours_quality={"test_accuracy": 0.9},
        rival_quality={"test_accuracy": 0.9},
    ),
    Pattern(
        name="video",
        workload="video_3dcnn",
        rival="video_article.py",
        prepare=_videos,
        measured="epoch",
        seconds=epoch,
        hyperparameters={"epochs": 3},
        arguments=("3",),
    ),
)
