"""A program as a process of its own, with the time at which each of its lines came."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Run:
    """Seconds since the start of the process, of each line and of the end."""

    lines: list[tuple[float, str]]
    total: float

    def first(self, beginning: str) -> float:
        """When the first line came that begins so."""
        return self._times(beginning)[0]

    def interval(self, beginning: str) -> float:
        """The median of the seconds between one line that begins so and the next."""
        times = self._times(beginning)
        return statistics.median(after - before for before, after in pairwise(times))

    def figure(self, name: str) -> float:
        """The last `name=number` that was told. Raises ValueError."""
        for _, line in reversed(self.lines):
            if found := re.search(rf"(?:^|\s){name}=([0-9.eE+-]+)", line):
                return float(found[1])
        raise ValueError(f"no line has {name}=: {self._told()}")

    def _times(self, beginning: str) -> list[float]:
        times = [when for when, line in self.lines if line.startswith(beginning)]
        if not times:
            raise ValueError(f"no line begins with {beginning!r}: {self._told()}")
        return times

    def _told(self) -> str:
        return " | ".join(line for _, line in self.lines[-5:]) or "nothing was printed"


def run(command: Sequence[str | Path], *, threads: int, variables: Mapping[str, str] | None = None) -> Run:
    """Runs a command to its end. Raises CalledProcessError; what it says on standard error is passed on."""
    # Written bytecode is part of an image; a user's site-packages are not.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SM_"))}
    environment |= {"OMP_NUM_THREADS": str(threads), "PYTHONUNBUFFERED": "1", **(variables or {})}
    started = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101
        lines = [(time.perf_counter() - started, line.rstrip("\n")) for line in process.stdout]
    total = time.perf_counter() - started
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, [str(part) for part in command])
    return Run(lines=lines, total=total)
