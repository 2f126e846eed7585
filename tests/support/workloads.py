"""A workload's own scripts, run by hand as its README says, in the environments of its containers."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.container_python import ROOT, container_environment, training_python

_LIMIT_SECONDS = 300


@dataclass(frozen=True)
class Training:
    """A finished run of train.py. `data` holds all files of the data set in one folder."""

    workload: str
    data: Path
    model: Path
    done: subprocess.CompletedProcess[str]


def sample_data(workload: str, folder: Path) -> Path:
    """The workload's sample data, in this process's environment, which has what the scripts of these tests need."""
    command = [sys.executable, ROOT / f"training_code/{workload}/sample_data.py", folder]
    subprocess.run(command, check=True, timeout=_LIMIT_SECONDS, env=container_environment())
    return folder


def train(workload: str, data: Path, model: Path, *arguments: str, channels: tuple[str, ...]) -> Training:
    """`python train.py` with every channel at `data`. Its exit code is not looked at."""
    model.mkdir(parents=True, exist_ok=True)
    folders = [word for channel in channels for word in (f"--{channel}", data)]
    script = ROOT / f"training_code/{workload}/train.py"
    done = subprocess.run(
        [training_python(workload), script, *folders, "--model-dir", model, *arguments],
        env=container_environment() | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=_LIMIT_SECONDS,
    )
    return Training(workload, data, model, done)


def write_evaluation_inputs(training: Training, ml: Path) -> None:
    """What the evaluation job finds: the holdout, and the model as its challenger's archive."""
    inputs = ml / "processing/input"
    shutil.copytree(training.data, inputs / "holdout")
    (inputs / "challenger").mkdir()
    with tarfile.open(inputs / "challenger/model.tar.gz", "w:gz") as archive:
        archive.add(training.model, ".")
