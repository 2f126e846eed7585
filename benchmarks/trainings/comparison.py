"""What the comparisons share: the workload's environment and sample data, and programs to time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import yaml

from benchmarks.results import Goal
from cli.programs import ROOT, uv_environment
from infra.images.table import managed_image

RIVALS = ROOT / "benchmarks" / "rivals" / "training"
THREADS = 1
"""OMP_NUM_THREADS of every program: what one core does is what a machine that does something else as well repeats."""
Figures = dict[str, float]


class Comparison(Protocol):
    """A workload and its rivals, made once with a folder to work in; each side runs as often as it is called."""

    goals: Mapping[str, Goal]

    def sides(self) -> dict[str, Callable[[], Figures]]:
        """What is timed, by name. Raises WrongResult when a side did not do the work."""

    def ratios(self, run: Mapping[str, Figures]) -> dict[str, float]:
        """Of one round."""


class WrongResult(RuntimeError):
    """A side finished, but not with what both sides have to reach."""


def require(name: str, value: float, *, at_least: float) -> float:
    """`value`. Raises WrongResult."""
    if not value >= at_least:
        raise WrongResult(f"{name} is {value:g}; at least {at_least:g} is needed for the time to count")
    return value


def training_code(workload: str) -> Path:
    return ROOT / "training_code" / workload


def interpreter(workload: str) -> Path:
    """The Python of the workload's training containers, as the embedded cloud builds it."""
    manifest = yaml.safe_load((training_code(workload) / "workload.yaml").read_text("utf-8"))
    row = managed_image(**manifest["training"]["image"], instance_type="ml.m5.large")
    uri = f"{row.accounts['us-east-1']}.dkr.ecr.us-east-1.amazonaws.com/{row.repository}:{row.tag}"
    requirements = training_code(workload) / "requirements.txt"
    command = [sys.executable, "-m", "localcloud.images", "environment", "--image", uri, requirements]
    done = subprocess.run(command, cwd=ROOT, env=uv_environment(), check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip().splitlines()[-1])


def sample_data(workload: str, folder: Path, *arguments: str) -> Path:
    """What `slipway sample-data` writes."""
    uv, script = Path(sys.executable).parent / "uv", training_code(workload) / "sample_data.py"
    command = [uv, "run", "--quiet", "--python", sys.executable, "--script", script, folder, *arguments]
    subprocess.run(command, check=True, env=uv_environment())
    return folder
