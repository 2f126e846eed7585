"""Real digits as IDX files, and the interpreter that trains on them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.container_python import ROOT, container_environment, training_python

TRAINING_CODE = ROOT / "training_code"
WORKLOAD = TRAINING_CODE / "mnist_lightning"


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """scikit-learn's digits as MNIST's four files: 1,433 to train with, 364 to test with."""
    folder = tmp_path_factory.mktemp("digits")
    command = [sys.executable, WORKLOAD / "sample_data.py", folder]
    subprocess.run(command, check=True, timeout=120, env=container_environment())
    return folder


@pytest.fixture(scope="session")
def container_python() -> Path:
    return training_python("mnist_lightning")
