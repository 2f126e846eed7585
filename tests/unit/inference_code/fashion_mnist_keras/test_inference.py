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


def test_onnx_runtime_serves_as_well_as_pytorch_trained(server, data, model):
    assert (model / "model.onnx").is_file()
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


def test_a_model_without_onnx_is_evaluated_with_keras_and_measures_what_the_training_measured(
    make_container, data, model
):
    """What was trained before there was a model.onnx, or by an engine of Keras that writes none."""
    container = make_container(WORKLOAD).with_workload(WORKLOAD)
    inputs = container.ml / "processing/input"
    shutil.copytree(data, inputs / "holdout")
    (inputs / "challenger").mkdir()
    with tarfile.open(inputs / "challenger/model.tar.gz", "w:gz") as archive:
        for name in ("model.keras", "config.json"):
            archive.add(model / name, name)
    done = container.run("server.evaluate")
    assert done.returncode == 0, done.stderr
    metrics = json.loads((container.ml / "processing/output/evaluation.json").read_text())["challenger"]["metrics"]
    promised = json.loads((model / "config.json").read_text())["metrics"]
    assert metrics["examples"] == 364
    assert metrics["accuracy"] == pytest.approx(promised["validation_accuracy"], abs=0.003)
    assert metrics["loss"] == pytest.approx(promised["validation_loss"], abs=0.01)


PLANTED = """
import sys
import zipfile
import h5py
import keras
import numpy as np

def saved(name, *layers):
    keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), *layers]).save(name)

def with_weights(name, change):
    with zipfile.ZipFile("honest.keras") as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    open("weights.h5", "wb").write(members["model.weights.h5"])
    with h5py.File("weights.h5", "r+") as file:
        change(file)
    members["model.weights.h5"] = open("weights.h5", "rb").read()
    with zipfile.ZipFile(name, "w") as archive:
        for each, content in members.items():
            archive.writestr(each, content)

def group(file):
    return file["layers/dense/vars"]

def link(file):
    del group(file)["1"]
    group(file)["1"] = h5py.ExternalLink("/etc/passwd", "/x")

def external(file):
    del group(file)["1"]
    group(file).create_dataset("1", (10,), "f4", external=[("/etc/passwd", 0, 40)])

def huge(file):
    del group(file)["1"]
    group(file).create_dataset("1", (10**12,), "f4", chunks=(1024,))

def run(x):
    open("executed", "w").close()
    return x

saved("honest.keras", keras.layers.Dense(10, name="dense"))
saved("code.keras", keras.layers.Lambda(lambda x: (open("executed", "w").close(), x)[1]))
keras.saving.register_keras_serializable("own", "run")(run)
saved("function.keras", keras.layers.Dense(10, activation=run, name="dense"))
with_weights("link.keras", link)
with_weights("external.keras", external)
with_weights("huge.keras", huge)
with_weights("no weights.keras", lambda file: file.clear())
__import__("os").remove("executed")
"""
LOAD = """
import sys
from server import artifacts
for path in sys.argv[1:]:
    try:
        print(path, type(artifacts.load_keras(path)).__name__, sep=": ")
    except artifacts.RefusedArtifact as error:
        print(error)
"""


def test_a_model_that_carries_code_or_points_elsewhere_is_refused(tmp_path):
    """Written by Keras itself; a Lambda layer holds Python bytecode, which loading it would run."""
    environment = container_environment() | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT / "inference_code")}
    run = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True, "timeout": 120}
    done = subprocess.run([serving_python(WORKLOAD), "-c", PLANTED], **run)
    assert done.returncode == 0, done.stderr
    files = sorted(path.name for path in tmp_path.glob("*.keras"))
    done = subprocess.run([serving_python(WORKLOAD), "-c", LOAD, *files], **run)
    assert done.returncode == 0, done.stderr
    told = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert told.keys() == set(files)
    assert told.pop("honest.keras") == "Sequential"
    reasons = {
        "code": "config.json names keras.layers.Lambda, which runs code",
        "function": ".function, which is not on the list",
        "link": "model.weights.h5: '1' is a link",
        "external": "model.weights.h5: '1' lies in another file",
        "huge": "model.weights.h5: '1' declares more than it holds",
        "no weights": "not a model of Keras",
    }
    assert {name for name, reason in reasons.items() if reason not in told[f"{name}.keras"]} == set(), told
    assert not (tmp_path / "executed").exists()
