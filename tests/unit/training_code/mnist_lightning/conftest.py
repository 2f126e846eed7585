"""train.py run as a person or the driver runs it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.container_python import ROOT, container_environment

TRAIN = ROOT / "training_code/mnist_lightning/train.py"
LIMIT_SECONDS = 400
Start = Callable[..., subprocess.Popen[str]]
Train = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def start(container_python: Path, digits: Path) -> Start:
    """`start("--epochs", "2", model_dir=..., data=...)` -> the running process."""

    def _start(*arguments: str, model_dir: Path, data: Path = digits) -> subprocess.Popen[str]:
        folders = ["--train", data, "--test", data, "--model-dir", model_dir]
        return subprocess.Popen(
            [container_python, "-u", TRAIN, *folders, *arguments],
            env=container_environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return _start


@pytest.fixture(scope="session")
def train(start: Start) -> Train:
    """As `start`, and waits; with `ok` (the default) it has to succeed."""

    def _train(*arguments: str, ok: bool = True, **options: Path) -> subprocess.CompletedProcess[str]:
        process = start(*arguments, **options)
        try:
            out, err = process.communicate(timeout=LIMIT_SECONDS)
        finally:
            process.kill()
        assert not ok or process.returncode == 0, err
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    return _train
