"""Real training on real digits."""

from __future__ import annotations

import importlib.util
import json
import re
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from infra.workloads import CodeRoots, find_workloads
from tests.support.container_python import ROOT, container_environment, training_python

WORKLOAD = "fashion_mnist_keras"
FOLDER = ROOT / "training_code" / WORKLOAD
ROOTS = CodeRoots(training=ROOT / "training_code", inference=ROOT / "inference_code")
EPOCHS = ("--epochs", "3")


@pytest.fixture(scope="module")
def manifest():
    return find_workloads(ROOTS, [WORKLOAD])[0].manifest


@pytest.fixture(scope="module")
def trained(train, tmp_path_factory):
    """(what was printed, the run's folder) of a run with a fixed seed."""
    folder = tmp_path_factory.mktemp("trained")
    logs, checkpoints = folder / "logs", folder / "checkpoints"
    done = train(
        *EPOCHS, "--output-data-dir", str(logs), "--checkpoint-dir", str(checkpoints), model_dir=folder / "model"
    )
    return done.stdout, folder


def figures(printed: str) -> list[str]:
    """The lines of the epochs and the last one, without their times."""
    lines = [line for line in printed.splitlines() if "validation_loss" in line]
    return [re.sub(r" seconds=\S+", "", line) for line in lines]


def test_a_few_seconds_of_training_recognise_held_out_digits(trained):
    printed, _ = trained
    assert float(re.findall(r"validation_accuracy=([0-9.]+)", printed)[-1]) > 0.6


def test_every_metric_of_the_manifest_is_printed(trained, manifest):
    printed, _ = trained
    assert [metric.name for metric in manifest.training.metrics if not re.search(metric.regex, printed)] == []


def test_the_manifests_defaults_are_those_of_the_script(manifest):
    spec = importlib.util.spec_from_file_location("fashion_train", FOLDER / "train.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    defaults = vars(script.parse(["--training", "a", "--validation", "b", "--model-dir", "c"]))
    declared = {name: given.default for name, given in manifest.training.hyperparameters.items()}
    assert declared == {name: defaults[name] for name in declared}


def test_the_model_is_a_keras_file_the_same_as_onnx_and_its_description(trained):
    _, folder = trained
    assert {path.name for path in (folder / "model").iterdir()} == {"model.keras", "model.onnx", "config.json"}
    assert json.loads((folder / "model/config.json").read_text())["metrics"].keys() == {
        "validation_accuracy",
        "validation_loss",
    }


def test_tensorboards_curves_are_written(trained):
    _, folder = trained
    (events,) = (folder / "logs/tensorboard").glob("events.out.tfevents.*")
    assert b"validation_accuracy" in events.read_bytes()


def test_a_run_that_was_killed_goes_on_where_it_was_and_ends_with_the_same_figures(trained, start, train, tmp_path):
    printed, _ = trained
    options = [*EPOCHS, "--checkpoint-dir", str(tmp_path / "checkpoints")]
    process = start(*options, model_dir=tmp_path / "model")
    try:
        for line in process.stdout:
            if line.startswith("epoch=1"):
                break
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    finally:
        process.kill()
    resumed = train(*options, model_dir=tmp_path / "model").stdout
    assert re.search(r"first_epoch=(\d)", resumed)[1] in "23"  # the second epoch may have ended before the signal came
    assert figures(resumed) == figures(printed)[-len(figures(resumed)) :]


def test_the_learning_rate_is_used(train, tmp_path):
    lazy = train("--epochs", "1", "--learning_rate", "0.0000001", model_dir=tmp_path).stdout
    loss = float(re.search(r"validation_loss=(\S+)", lazy)[1])
    assert loss == pytest.approx(np.log(10), abs=0.2)  # as good as a guess among ten


def test_jax_trains_the_same_script(train, tmp_path):
    printed = train("--epochs", "1", model_dir=tmp_path, engine="jax").stdout
    assert printed.startswith("backend=jax ")
    assert float(re.search(r"validation_accuracy=([0-9.]+)", printed)[1]) > 0.2  # a guess has 0.1


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"image": np.zeros((3, 28, 27), np.uint8), "label": np.zeros(3, int)}, "image has the shape (3, 28, 27)"),
        ({"image": np.zeros((3, 28, 28)), "label": np.zeros(3, int)}, "image holds float64; expected uint8"),
        ({"image": np.zeros((3, 28, 28), np.uint8), "label": np.array([0, 10, 1])}, "label[1] is 10"),
        ({"image": np.zeros((3, 28, 28), np.uint8), "label": np.zeros(2, int)}, "expected 3 whole numbers"),
        ({"image": np.zeros((3, 28, 28), np.uint8)}, "lacks the array label"),
        ({"image": np.array([{}]), "label": np.zeros(1, int)}, "is not an npz file of plain numbers"),
    ],
)
def test_arrays_that_are_no_pictures_are_refused_by_name(tmp_path, arrays, told):
    np.savez(tmp_path / "training.npz", **arrays)
    read = "import sys, pathlib; from shared import arrays; arrays.read(pathlib.Path(sys.argv[1]), 'training')"
    done = subprocess.run(
        [training_python(WORKLOAD), "-c", read, tmp_path],
        capture_output=True,
        text=True,
        env=container_environment() | {"PYTHONPATH": str(FOLDER)},
    )
    assert done.stderr.splitlines()[-1].startswith("shared.arrays.InvalidArrays: training.npz: ")
    assert told in done.stderr


def test_several_processes_are_refused_instead_of_writing_one_model_each(tmp_path):
    done = subprocess.run(
        [
            training_python(WORKLOAD),
            FOLDER / "train.py",
            "--training",
            "a",
            "--validation",
            "b",
            "--model-dir",
            tmp_path,
        ],
        capture_output=True,
        text=True,
        env=container_environment() | {"WORLD_SIZE": "2"},
    )
    assert (done.returncode, "instance.count" in done.stderr) == (1, True)


def export(model: Path, output: Path, kind: str) -> subprocess.CompletedProcess[str]:
    command = [training_python(WORKLOAD), FOLDER / "export.py", model, output, "--format", kind]
    return subprocess.run(command, capture_output=True, text=True, env=container_environment())


def test_the_exported_onnx_file_computes_what_keras_computes(trained, tmp_path):
    """export.py compares the two itself, and writes no file that differs."""
    _, folder = trained
    done = export(folder / "model", tmp_path / "model.onnx", "onnx")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "model.onnx").stat().st_size > 1_000_000


def test_the_exported_keras_file_is_the_one_that_serves(trained, tmp_path):
    _, folder = trained
    done = export(folder / "model", tmp_path / "copy.keras", "keras")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "copy.keras").read_bytes() == (folder / "model/model.keras").read_bytes()
