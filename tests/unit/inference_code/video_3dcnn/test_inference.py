"""Clips processed, trained on and served by the workload's own three scripts."""

from __future__ import annotations

import base64
import importlib.util
import json
import re
import shutil
import subprocess
import tarfile

import pytest

from infra.workloads import CodeRoots, find_workloads
from tests.support.container_python import ROOT, container_environment, training_python

WORKLOAD = "video_3dcnn"
TRAINING, INFERENCE = ROOT / "training_code" / WORKLOAD, ROOT / "inference_code" / WORKLOAD
CLASSES = ("circle", "square", "triangle")


def run(script: str, *arguments: object, ok: bool = True) -> subprocess.CompletedProcess[str]:
    command = [training_python(WORKLOAD), TRAINING / script, *map(str, arguments)]
    environment = container_environment() | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert not ok or done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The sample's first clips, as files and as the processing step's arrays."""
    folder = tmp_path_factory.mktemp("data")
    run("sample_data.py", folder, 15)
    places = ["--output-train", folder / "train", "--output-validation", folder / "validation"]
    inputs = ["--input-videos", folder / "videos", "--input-classes", folder / "classes"]
    run("process.py", *inputs, *places, "--output-quarantine", folder / "quarantine")
    return folder


def channels(data):
    return [text for name in ("train", "validation", "classes") for text in (f"--{name}", data / name)]


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """(what was printed, the model's folder)."""
    folder = tmp_path_factory.mktemp("model")
    options = ["--epochs", 14, "--filters", 4, "--batch_size", 8]
    return run("train.py", *channels(data), "--model-dir", folder, *options).stdout, folder


@pytest.fixture(scope="module")
def server(make_container, start, trained):
    container = make_container(WORKLOAD).with_workload(WORKLOAD)
    shutil.copytree(trained[1], container.ml / "model", dirs_exist_ok=True)
    return start(container, SLIPWAY_MODEL_VERSION="1")


def clip(data, name: str, number: int) -> bytes:
    return (data / f"videos/{name}/{number:04d}.mp4").read_bytes()


def test_every_metric_of_the_manifest_is_printed_and_the_defaults_agree(trained):
    roots = CodeRoots(training=ROOT / "training_code", inference=ROOT / "inference_code")
    training = find_workloads(roots, [WORKLOAD])[0].manifest.training
    assert [metric.name for metric in training.metrics if not re.search(metric.regex, trained[0])] == []
    spec = importlib.util.spec_from_file_location("video_train", TRAINING / "train.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    defaults = vars(script.parse(["--train", "a", "--validation", "b", "--classes", "c", "--model-dir", "d"]))
    declared = {name: given.default for name, given in training.hyperparameters.items()}
    assert declared == {name: defaults[name] for name in declared}


def test_a_number_of_classes_that_is_not_the_lists_ends_the_run(data, tmp_path):
    done = run("train.py", *channels(data), "--model-dir", tmp_path, "--nclass", 4, ok=False)
    assert done.returncode == 1
    assert "nclass is 4, but classes.txt names 3: circle, square, triangle" in done.stderr


def test_a_video_is_answered_with_its_class_and_every_probability(server, data):
    answer = server.invoke(clip(data, "circle", 0), content_type="video/mp4")
    assert answer.status == 200
    (prediction,) = answer.json["predictions"]
    assert list(prediction["probabilities"]) == list(CLASSES)
    assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert prediction["label"] == max(prediction["probabilities"], key=prediction["probabilities"].get)


def test_the_served_model_tells_the_clips_apart(server, data):
    clips = [(name, number) for name in CLASSES for number in range(5)]
    instances = [{"video": base64.b64encode(clip(data, *one)).decode()} for one in clips]
    answers = server.invoke({"instances": instances}).json["predictions"]
    right = sum(answer["label"] == name for answer, (name, _) in zip(answers, clips, strict=True))
    assert right >= 12


def test_a_clip_gets_the_same_answer_as_body_and_among_others(server, data):
    alone = server.invoke(clip(data, "square", 1), content_type="video/mp4").json["predictions"][0]
    instances = [{"video": base64.b64encode(clip(data, name, 1)).decode()} for name in CLASSES]
    together = server.invoke({"instances": instances}).json["predictions"][1]
    assert alone["probabilities"] == pytest.approx(together["probabilities"], abs=1e-5)


def test_the_sample_request_is_a_square_that_moves_down(server):
    answer = server.invoke((INFERENCE / "sample_request.json").read_bytes())
    assert (answer.status, len(answer.json["predictions"])) == (200, 1)


@pytest.mark.parametrize(
    ("instances", "message"),
    [
        ([], "instances: expected 1 to 16 videos at once, got 0"),
        ([{}] * 17, "instances: expected 1 to 16 videos at once, got 17"),
        (["x"], 'instances[0]: expected {"video": "<base64 of an MP4 file>"}'),
        ([{"video": "?"}], "instances[0].video: is not base64"),
        ([{"video": "AAAA"}], "instances[0].video: is not a video that OpenCV can open"),
    ],
)
def test_what_is_no_video_is_refused_by_name(server, instances, message):
    answer = server.invoke({"instances": instances})
    assert (answer.status, answer.error) == (400, {"message": message, "field": message.partition(": ")[0]})


def test_a_body_that_is_no_video_is_the_clients_fault(server):
    answer = server.invoke(b"no video", content_type="video/mp4")
    assert (answer.status, answer.error["message"]) == (400, "body: is not a video that OpenCV can open")
    assert server.invoke(b"x", content_type="image/png").status == 415


def test_the_evaluation_measures_what_the_training_measured(make_container, data, trained):
    container = make_container(WORKLOAD).with_workload(WORKLOAD)
    inputs = container.ml / "processing/input"
    shutil.copytree(data / "validation", inputs / "holdout")
    (inputs / "challenger").mkdir()
    with tarfile.open(inputs / "challenger/model.tar.gz", "w:gz") as archive:
        archive.add(trained[1], ".")
    done = container.run("server.evaluate")
    assert done.returncode == 0, done.stderr
    metrics = json.loads((container.ml / "processing/output/evaluation.json").read_text())["challenger"]["metrics"]
    promised = json.loads((trained[1] / "config.json").read_text())["metrics"]
    assert metrics["accuracy"] == pytest.approx(promised["validation_accuracy"], abs=0.001)
    assert metrics["loss"] == pytest.approx(promised["validation_loss"], abs=0.01)
