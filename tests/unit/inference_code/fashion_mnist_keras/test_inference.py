"""A model that the training script has trained, behind the real server and in the evaluation."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile

import numpy as np
import pytest

from tests.support.container_python import ROOT, container_environment, serving_python, training_python

WORKLOAD = "fashion_mnist_keras"
TRAINING, INFERENCE = ROOT / "training_code" / WORKLOAD, ROOT / "inference_code" / WORKLOAD
SAMPLE = json.loads((INFERENCE / "sample_request.json").read_text())
BLANK = [[0] * 28 for _ in range(28)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    subprocess.run([sys.executable, TRAINING / "sample_data.py", folder], check=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def model(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    folders = ["--training", data, "--validation", data, "--model-dir", folder]
    command = [training_python(WORKLOAD), TRAINING / "train.py", *folders, "--epochs", "2"]
    environment = container_environment() | {"OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=True, timeout=400, env=environment, stdout=subprocess.DEVNULL)
    return folder


@pytest.fixture(scope="module")
def server(make_container, start, model):
    container = make_container(WORKLOAD).with_workload(WORKLOAD)
    shutil.copytree(model, container.ml / "model", dirs_exist_ok=True)
    return start(container, SLIPWAY_MODEL_VERSION="1")


def test_the_sample_request_is_answered_with_labels_and_probabilities(server):
    answer = server.invoke(SAMPLE)
    assert answer.status == 200
    (prediction,) = answer.json["predictions"]
    assert set(prediction) == {"label", "probabilities"}
    assert prediction["label"] == 7
    assert sum(prediction["probabilities"]) == pytest.approx(1, abs=1e-5)


def test_jax_serves_as_well_as_pytorch_trained(server, data, model):
    with np.load(data / "validation.npz") as arrays:
        images, labels = arrays["image"], arrays["label"]
    predicted = [one["label"] for one in server.invoke({"instances": images.tolist()}).json["predictions"]]
    promised = json.loads((model / "config.json").read_text())["metrics"]["validation_accuracy"]
    assert promised > 0.7
    assert np.mean(predicted == labels) == pytest.approx(promised, abs=0.003)


def test_an_image_gets_the_same_answer_alone_and_among_others(server):
    alone = server.invoke(SAMPLE).json["predictions"][0]
    together = server.invoke({"instances": [BLANK, *SAMPLE["instances"], BLANK]}).json["predictions"][1]
    assert alone["probabilities"] == pytest.approx(together["probabilities"], abs=1e-5)


def changed(value: object, row: int = 3, column: int = 4) -> list:
    image = [list(values) for values in BLANK]
    image[row][column] = value
    return [BLANK, image]


@pytest.mark.parametrize(
    ("instances", "message"),
    [
        ([], "instances: expected a list of at least one image of 28 rows of 28 numbers"),
        (["x"], "instances[0]: expected 28 rows of 28 numbers"),
        ([[[0] * 27] * 28], "instances[0]: expected 28 rows of 28 numbers, got 28 rows of 27 numbers"),
        ([[]], "instances[0]: expected 28 rows of 28 numbers, got 0 rows of no numbers"),
        ([[[0] * 28] * 27 + [5]], "instances[0][27]: expected a row of 28 numbers"),
        *(
            (changed(value), "instances[1][3][4]: expected a number from 0 to 255")
            for value in (256, -1, "1", True, None)
        ),
    ],
)
def test_the_first_wrong_value_is_named(server, instances, message):
    answer = server.invoke({"instances": instances})
    assert (answer.status, answer.error) == (400, {"message": message, "field": message.partition(": ")[0]})


def test_the_evaluation_measures_what_the_training_measured(make_container, data, model):
    container = make_container(WORKLOAD).with_workload(WORKLOAD)
    inputs = container.ml / "processing/input"
    shutil.copytree(data, inputs / "holdout")
    (inputs / "challenger").mkdir()
    with tarfile.open(inputs / "challenger/model.tar.gz", "w:gz") as archive:
        archive.add(model, ".")
    done = container.run("server.evaluate")
    assert done.returncode == 0, done.stderr
    metrics = json.loads((container.ml / "processing/output/evaluation.json").read_text())["challenger"]["metrics"]
    promised = json.loads((model / "config.json").read_text())["metrics"]
    assert metrics["examples"] == 364
    assert metrics["accuracy"] == pytest.approx(promised["validation_accuracy"], abs=0.003)
    assert metrics["loss"] == pytest.approx(promised["validation_loss"], abs=0.01)


PLANTED = """
import keras
layers = [keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Lambda(lambda x: x)]
keras.Sequential(layers).save("model.keras")
"""


def test_a_model_that_carries_code_is_refused(tmp_path):
    """A Lambda layer holds Python bytecode, which loading it would run."""
    environment = container_environment() | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(INFERENCE)}
    python = serving_python(WORKLOAD)
    subprocess.run([python, "-c", PLANTED], check=True, cwd=tmp_path, env=environment, timeout=120)
    load = [python, "-c", "import inference; inference.model_fn('.')"]
    done = subprocess.run(load, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "ValueError" in done.stderr
    assert "safe_mode" in done.stderr


def test_both_folders_have_the_same_copy():
    assert (INFERENCE / "arrays.py").read_bytes() == (TRAINING / "arrays.py").read_bytes()
