"""Real training on real digits."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import signal
from pathlib import Path

import pytest
import yaml

from tests.support.container_python import ROOT

WORKLOAD = ROOT / "training_code/mnist_lightning"
EPOCHS = ("--epochs", "3")


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def trained(train, tmp_path_factory):
    """(what was printed, the model's folder) of a run with a fixed seed."""
    folder = tmp_path_factory.mktemp("trained")
    logs, checkpoints = folder / "logs", folder / "checkpoints"
    done = train(
        *EPOCHS, "--output-data-dir", str(logs), "--checkpoint-dir", str(checkpoints), model_dir=folder / "model"
    )
    return done.stdout, folder


def test_a_few_seconds_of_training_recognise_held_out_digits(trained):
    printed, _ = trained
    assert float(re.search(r"test_accuracy=([0-9.]+)", printed)[1]) > 0.9


def test_every_metric_of_the_manifest_is_printed(trained):
    printed, _ = trained
    metrics = yaml.safe_load((WORKLOAD / "workload.yaml").read_text())["training"]["metrics"]
    assert metrics
    for metric in metrics:
        assert re.search(metric["regex"], printed), metric


def test_one_line_an_epoch_and_nothing_else_to_read(trained):
    printed, _ = trained
    lines = printed.splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == ["epoch=1", "epoch=2", "epoch=3"]
    assert lines[0].startswith("epochs=3 first_epoch=1 batches_per_epoch=9")
    assert lines[-1].startswith("test_accuracy=")


def test_the_model_is_weights_description_and_onnx(trained):
    _, folder = trained
    assert {path.name for path in (folder / "model").iterdir()} == {"model.safetensors", "config.json", "model.onnx"}
    description = json.loads((folder / "model/config.json").read_text())
    assert (description["network"], description["classes"]) == ("cnn", 10)
    assert description["input"]["shape"] == ["batch", 28, 28]


def test_logs_are_written_for_people(trained):
    _, folder = trained
    header = (folder / "logs/csv/metrics.csv").read_text().splitlines()[0]
    assert {"epoch", "train_loss", "val_accuracy", "test_accuracy"} <= set(header.split(","))
    assert list((folder / "logs/tensorboard").glob("events.out.tfevents.*"))


def test_the_same_seed_gives_the_same_weights_and_another_one_others(trained, train, tmp_path):
    _, folder = trained
    train(*EPOCHS, model_dir=tmp_path / "same")
    train(*EPOCHS, "--seed", "2", model_dir=tmp_path / "other")
    assert weights(tmp_path / "same") == weights(folder / "model")
    assert weights(tmp_path / "other") != weights(folder / "model")


def test_a_run_that_was_killed_goes_on_where_it_was_and_ends_with_the_same_weights(trained, start, train, tmp_path):
    _, folder = trained
    options = [*EPOCHS, "--checkpoint-dir", str(tmp_path / "checkpoints")]
    process = start(*options, model_dir=tmp_path / "model")
    try:
        for line in process.stdout:
            if line.startswith("epoch=2"):
                break
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == -signal.SIGKILL
    done = train(*options, model_dir=tmp_path / "model")
    epochs = re.findall(r"^epoch=(\d+)", done.stdout, re.MULTILINE)
    assert epochs in (["2", "3"], ["3"])  # it is killed just before or after the second epoch's checkpoint
    assert weights(tmp_path / "model") == weights(folder / "model")


def test_a_run_that_is_told_to_stop_says_that_it_was_stopped(start, tmp_path):
    options = ["--epochs", "100", "--checkpoint-dir", str(tmp_path / "checkpoints")]
    process = start(*options, model_dir=tmp_path / "model")
    try:
        for line in process.stdout:
            if line.startswith("epoch=1"):
                break
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=100)
    finally:
        process.kill()
    assert process.returncode == 128 + signal.SIGTERM
    assert (tmp_path / "checkpoints/last.ckpt").is_file()
    assert not (tmp_path / "model/model.safetensors").exists()


@pytest.mark.parametrize("network", ["mlp", "vgg", "resnet"])
def test_every_network_trains_and_exports_what_it_computes(train, tmp_path, network):
    done = train("--epochs", "1", "--network", network, model_dir=tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["network"] == network
    assert "test_accuracy=" in done.stdout


def test_the_learning_rate_finder_runs_behind_its_flag(train, tmp_path):
    done = train("--epochs", "5", "--network", "mlp", "--find_learning_rate", "true", model_dir=tmp_path)
    found = float(re.search(r"^learning_rate=(\S+)$", done.stdout, re.MULTILINE)[1])
    assert 1e-4 < found < 0.1
    assert found != 0.003  # what it would be without the search
    assert float(re.search(r"test_accuracy=([0-9.]+)", done.stdout)[1]) > 0.8
    assert done.stderr == ""
    assert {path.name for path in tmp_path.iterdir()} == {"model.safetensors", "config.json", "model.onnx"}


def test_a_damaged_file_ends_the_run_with_its_name(train, digits, tmp_path):
    data = shutil.copytree(digits, tmp_path / "data")
    path = data / "train-images-idx3-ubyte.gz"
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content[: len(content) // 2]))
    done = train(ok=False, model_dir=tmp_path / "model", data=data)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "shared.idx.InvalidIdxFile: train-images-idx3-ubyte.gz: its header says"
    )
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--network", "transformer"], "invalid choice: 'transformer'"),
        (["--find_learning_rate", "maybe"], "expected true or false, got 'maybe'"),
        (["--epochs", "many"], "invalid int value: 'many'"),
        (["--colour", "red"], "unrecognized arguments: --colour red"),
    ],
)
def test_a_wrong_argument_is_told_at_once(train, tmp_path, arguments, told):
    done = train(*arguments, ok=False, model_dir=tmp_path)
    assert (done.returncode, told in done.stderr) == (2, True), done.stderr
