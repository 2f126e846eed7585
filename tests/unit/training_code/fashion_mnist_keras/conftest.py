"""train.py run as a person or the driver runs it, on a part of the digits."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.support.container_python import ROOT, container_environment, serving_python, training_python

FOLDER = ROOT / "training_code/fashion_mnist_keras"
LIMIT_SECONDS = 400
ENGINES = {"torch": training_python, "jax": serving_python}
Start = Callable[..., subprocess.Popen[str]]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What sample_data.py makes."""
    folder = tmp_path_factory.mktemp("sample")
    subprocess.run([sys.executable, FOLDER / "sample_data.py", folder], check=True, timeout=120)
    return folder


@pytest.fixture(scope="session")
def few(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """500 of its images to train with, 100 to validate with."""
    folder = tmp_path_factory.mktemp("few")
    for channel, count in (("training", 500), ("validation", 100)):
        with np.load(sample / f"{channel}.npz") as arrays:
            np.savez(folder / f"{channel}.npz", **{name: arrays[name][:count] for name in arrays.files})
    return folder


@pytest.fixture(scope="session")
def start(few: Path) -> Start:
    """`start("--epochs", "2", model_dir=...)` -> the running process."""

    def _start(*arguments: str, model_dir: Path, data: Path = few, engine: str = "torch") -> subprocess.Popen[str]:
        folders = ["--training", data, "--validation", data, "--model-dir", model_dir]
        return subprocess.Popen(
            [ENGINES[engine]("fashion_mnist_keras"), "-u", FOLDER / "train.py", *folders, *arguments],
            env=container_environment() | {"KERAS_BACKEND": engine, "OMP_NUM_THREADS": "1"},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return _start


@pytest.fixture(scope="session")
def train(start: Start) -> Run:
    """As `start`, and waits; with `ok` (the default) it has to succeed."""

    def _train(*arguments: str, ok: bool = True, **options) -> subprocess.CompletedProcess[str]:
        process = start(*arguments, **options)
        try:
            out, err = process.communicate(timeout=LIMIT_SECONDS)
        finally:
            process.kill()
        assert not ok or process.returncode == 0, err
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    return _train
