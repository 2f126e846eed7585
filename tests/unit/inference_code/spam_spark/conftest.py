"""A filter trained by the workload's own script, on features that serving's text processing made."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.container_python import (
    ROOT,
    XGBOOST_IMAGE,
    container_environment,
    image_python,
)

BUCKETS = 300
TRAINING = ROOT / "training_code/spam_spark"


@pytest.fixture(scope="package")
def texts(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, int]]:
    """(text, label) of the sample data."""
    folder = tmp_path_factory.mktemp("messages")
    command = [sys.executable, TRAINING / "sample_data.py", folder]
    subprocess.run(command, check=True, timeout=60, env=container_environment())
    kinds = enumerate(("ham", "spam"))
    return [(text, label) for label, kind in kinds for text in (folder / kind).read_text("utf-8").splitlines()]


@pytest.fixture(scope="package")
def holdout(texts: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every fifth text, as the Spark step writes them."""
    folder = tmp_path_factory.mktemp("holdout")
    (folder / "messages").mkdir()
    lines = "".join(f"{json.dumps({'text': text, 'label': label})}\n" for text, label in texts[::5])
    (folder / "messages/part-00000-x.json").write_text(lines, "utf-8")
    return folder


@pytest.fixture(scope="package")
def spam_model(texts: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spam")
    _write_features(folder / "train", [pair for index, pair in enumerate(texts) if index % 5])
    _write_features(folder / "validation", texts[::5])
    folders = [f"--{name}={folder / name}" for name in ("train", "validation", "model-dir")]
    command = [image_python(XGBOOST_IMAGE), TRAINING / "train.py", *folders, "--max_depth", "6"]
    done = subprocess.run(command, check=True, timeout=200, env=container_environment(), capture_output=True, text=True)
    assert done.stdout.count("validation_accuracy=") == 25
    return folder / "model-dir"


def _write_features(folder: Path, texts: list[tuple[str, int]]) -> None:
    spec = importlib.util.spec_from_file_location("spam_words", ROOT / "inference_code/spam_spark/words.py")
    words = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(words)
    lines = []
    for text, label in texts:
        counts = words.count(text, BUCKETS)
        lines.append(" ".join([str(label), *(f"{bucket + 1}:{counts[bucket]}" for bucket in sorted(counts))]))
    for name, content in (("libsvm", "\n".join(lines)), ("schema", json.dumps({"buckets": BUCKETS}))):
        (folder / name).mkdir(parents=True)
        (folder / name / "part-00000-x.txt").write_text(f"{content}\n", "utf-8")
