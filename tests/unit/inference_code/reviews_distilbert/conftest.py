"""A tiny DistilBERT, fine-tuned by the workload's own script on its sample data."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.container_python import ROOT, container_environment, training_python

TRAINING = ROOT / "training_code/reviews_distilbert"


@pytest.fixture(scope="package")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reviews")
    command = [training_python("reviews_distilbert"), TRAINING / "sample_data.py", folder]
    subprocess.run(command, check=True, timeout=120, env=container_environment())
    return folder


@pytest.fixture(scope="package")
def reviews_model(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    folders = [f"--{name}={sample / name}" for name in ("train", "test", "pretrained")]
    settings = ["--epochs=3", "--learning_rate=0.001", "--max_length=32"]
    command = [training_python("reviews_distilbert"), TRAINING / "train.py", *folders, f"--model-dir={folder}"]
    # A proxy where nobody listens: whoever asks a hub for something fails.
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:1")
    done = subprocess.run(
        [*command, *settings],
        env=container_environment() | nowhere,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("train_accuracy=") == 3
    return folder
