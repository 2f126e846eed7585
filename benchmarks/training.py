"""Training beside the pattern of the article that each workload comes from, on the processor.

    python -m benchmarks.training [--only mnist,keras] [--data FOLDER] [--rounds N] [--json FILE] [--write-docs]

Every side is a process of its own in the environment of the workload's training containers, with one thread
(OMP_NUM_THREADS=1), the same data, network, batch size and number of epochs, and counts only if it reached the same
quality. What a rival does is in benchmarks/rivals/training. The data are what `slipway sample-data` writes, or made of
it; --data takes a folder of real ones.

It does not show what a GPU makes of the same programs.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from benchmarks import command
from benchmarks.results import Goal, Result, alternate, summarise
from benchmarks.trainings.comparison import Comparison
from benchmarks.trainings.mnist import Mnist
from benchmarks.trainings.scripts import PATTERNS, Scripts

COMPARISONS: dict[str, Callable[..., Comparison]] = {"mnist": Mnist} | {
    pattern.name: partial(Scripts, pattern) for pattern in PATTERNS
}


def measure(arguments: argparse.Namespace) -> Result:
    """Raises WrongResult."""
    with tempfile.TemporaryDirectory(prefix="slipway-training-") as folder:
        chosen = [COMPARISONS[name](_made(Path(folder) / name), data=arguments.data) for name in arguments.only]
        return compare(chosen, arguments.rounds)


def compare(chosen: Iterable[Comparison], rounds: int) -> Result:
    """One comparison after the other, each in `rounds` turns."""
    runs: list[dict[str, dict[str, float]]] = [{} for _ in range(rounds)]
    ratios: list[dict[str, float]] = [{} for _ in range(rounds)]
    goals: dict[str, Goal] = {}
    for comparison in chosen:
        goals |= comparison.goals
        for number, run in enumerate(alternate(rounds, comparison.sides())):
            runs[number] |= run
            ratios[number] |= comparison.ratios(run)
    found = iter(ratios)
    return summarise(runs, lambda run: next(found), goals)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", type=_names, default=list(COMPARISONS), help="some of " + ",".join(COMPARISONS))
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="real data, a folder for each workload in it")


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in COMPARISONS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(COMPARISONS)}")
    return names


if __name__ == "__main__":
    command.main("training", __doc__, measure, rounds=3, add_options=_add_options)
