"""The digits' model, trained by the training script, behind the real server and in the evaluation."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile

import numpy as np
import pytest

from tests.support.container_python import ROOT

SAMPLE = json.loads((ROOT / "inference_code/mnist_lightning/sample_request.json").read_text())
BLANK = [[0] * 28 for _ in range(28)]


@pytest.fixture(scope="module")
def server(make_container, start, digits_model):
    container = make_container().with_workload("mnist_lightning")
    shutil.copytree(digits_model, container.ml / "model", dirs_exist_ok=True)
    return start(container, SLIPWAY_MODEL_VERSION="1")


@pytest.fixture(scope="module")
def held_out(digits):
    def values(kind: str, header: int) -> np.ndarray:
        content = gzip.decompress((digits / f"t10k-{kind}-ubyte.gz").read_bytes())
        return np.frombuffer(content[header:], dtype=np.uint8)

    return values("images-idx3", 16).reshape(-1, 28, 28), values("labels-idx1", 8)


def changed(value: object, row: int = 3, column: int = 4) -> dict:
    image = [list(values) for values in BLANK]
    image[row][column] = value
    return {"instances": [BLANK, image]}


def test_the_sample_request_is_answered_with_labels_and_probabilities(server):
    answer = server.invoke(SAMPLE)
    assert answer.status == 200
    (prediction,) = answer.json["predictions"]
    assert set(prediction) == {"label", "probabilities"}
    assert prediction["label"] == 7
    assert sum(prediction["probabilities"]) == pytest.approx(1)
    assert len(prediction["probabilities"]) == 10


def test_one_request_answers_for_many_digits_as_well_as_training_said(server, held_out, digits_model):
    images, labels = held_out
    answer = server.invoke({"instances": images.tolist()})
    predicted = [prediction["label"] for prediction in answer.json["predictions"]]
    promised = json.loads((digits_model / "config.json").read_text())["metrics"]["test_accuracy"]
    assert np.mean(predicted == labels) == pytest.approx(promised, abs=0.003)


def test_a_digit_gets_the_same_answer_alone_and_among_others(server, held_out):
    images, _ = held_out
    together = server.invoke({"instances": images[:9].tolist()}).json["predictions"]
    alone = server.invoke({"instances": images[4:5].tolist()}).json["predictions"][0]
    assert alone["probabilities"] == pytest.approx(together[4]["probabilities"], abs=1e-5)


def as_npy(images: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, images)
    return stream.getvalue()


def test_images_are_the_same_in_every_format_and_so_are_answers(server, held_out):
    images = held_out[0][:3]
    bodies = {
        "application/jsonlines": "".join(json.dumps(image.tolist()) + "\n" for image in images).encode(),
        "text/csv": "".join(",".join(map(str, image.ravel())) + "\n" for image in images).encode(),
        "application/x-npy": as_npy(images),
    }
    expected = server.invoke({"instances": images.tolist()}).json["predictions"]
    for content_type, body in bodies.items():
        answer = server.invoke(body, content_type=content_type)
        assert (answer.status, answer.json.get("predictions")) == (200, expected), content_type
    row = server.invoke(bodies["text/csv"], content_type="text/csv", accept="text/csv").body.decode().splitlines()[0]
    assert [float(value) for value in row.split(",")] == [expected[0]["label"], *expected[0]["probabilities"]]


@pytest.mark.parametrize(
    ("content_type", "body", "message"),
    [
        ("text/csv", b"1,2\n", "instances[0]: expected the 784 numbers of an image, got 2"),
        ("text/csv", b",".join([b"256"] * 784), "instances[0][0][0]: expected a number from 0 to 255, got 256.0"),
        ("application/x-npy", as_npy(np.zeros((1, 28, 27))), "instances[0]: expected shape (28, 28), got (28, 27)"),
        ("application/x-npy", as_npy(np.zeros((1, 28, 28), bool)), "got False"),
        ("application/x-npy", as_npy(np.zeros((0, 28, 28))), "instances: expected a list of at least one image"),
        ("application/jsonlines", b"[[1]]\n", "instances[0]: expected shape (28, 28), got (1, 1)"),
    ],
)
def test_what_is_no_image_in_another_format_is_told_too(server, content_type, body, message):
    answer = server.invoke(body, content_type=content_type)
    assert answer.status == 400
    assert message in answer.error["message"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"instances": []}, "instances: expected a list of at least one image of 28 rows of 28 numbers"),
        ({"rows": []}, 'instances: expected a JSON object with the key "instances"'),
        ({"instances": [BLANK, "x"]}, "instances[1]: expected 28 rows of 28 numbers, got a string"),
        ({"instances": [BLANK, None]}, "instances[1]: expected 28 rows of 28 numbers, got null"),
        ({"instances": [1, 2]}, "instances[0]: expected 28 rows of 28 numbers, got 1"),
        ({"instances": [BLANK] * 3 + [[[0] * 27] * 28]}, "instances[3]: expected shape (28, 28), got (28, 27)"),
        ({"instances": [[[0] * 28] * 27]}, "instances[0]: expected shape (28, 28), got (27, 28)"),
        ({"instances": [[[]]]}, "instances[0]: expected shape (28, 28), got (1, 0)"),
        ({"instances": [[]]}, "instances[0]: expected 28 rows, got 0"),
        ({"instances": [[[0] * 28] * 20 + [[0] * 29] * 8]}, "instances[0][20]: expected 28 numbers, got 29"),
        ({"instances": [[[0] * 28] * 27 + [5]]}, "instances[0][27]: expected a row of 28 numbers, got 5"),
        (changed(256), "instances[1][3][4]: expected a number from 0 to 255, got 256"),
        (changed(-0.5), "instances[1][3][4]: expected a number from 0 to 255, got -0.5"),
        (changed("12"), "instances[1][3][4]: expected a number from 0 to 255, got '12'"),
        (changed(True), "instances[1][3][4]: expected a number from 0 to 255, got True"),
        (changed(None), "instances[1][3][4]: expected a number from 0 to 255, got null"),
        (changed([0]), "instances[1][3][4]: expected a number from 0 to 255, got a list"),
        (changed({}), "instances[1][3][4]: expected a number from 0 to 255, got an object"),
        (changed(10**30), "instances[1][3][4]: expected a number from 0 to 255, got 1e+30"),
    ],
)
def test_the_first_wrong_value_is_named(server, document, message):
    answer = server.invoke(document)
    assert answer.status == 400
    assert answer.error == {"message": message, "field": message.partition(": ")[0]}


def test_what_is_no_finite_number_is_refused(server):
    for text in ("NaN", "Infinity", "1e999"):
        body = json.dumps(changed(7)).replace("7", text)
        assert server.invoke(body).status == 400


def test_no_payload_reaches_the_log(server):
    server.invoke(changed("my secret digit"))
    server.invoke(changed(254321))
    assert "secret" not in server.log
    assert "254321" not in server.log


@pytest.fixture
def evaluation(make_container, digits, digits_model):
    container = make_container().with_workload("mnist_lightning")
    inputs = container.ml / "processing/input"
    shutil.copytree(digits, inputs / "holdout")
    (inputs / "challenger").mkdir()
    with tarfile.open(inputs / "challenger/model.tar.gz", "w:gz") as archive:
        archive.add(digits_model, ".")
    return container


def test_the_evaluation_measures_what_the_training_measured(evaluation, digits_model):
    done = evaluation.run("server.evaluate")
    assert done.returncode == 0, done.stderr
    challenger = json.loads((evaluation.ml / "processing/output/evaluation.json").read_text())["challenger"]
    metrics, slices = challenger["metrics"], challenger["slices"]
    promised = json.loads((digits_model / "config.json").read_text())["metrics"]
    assert metrics["examples"] == 364
    assert metrics["accuracy"] == pytest.approx(promised["test_accuracy"], abs=0.003)
    assert metrics["loss"] == pytest.approx(promised["test_loss"], abs=0.01)
    assert slices.keys() == {f"class={digit}" for digit in range(10)}
    right = sum(one["accuracy"] * one["examples"] for one in slices.values())
    assert right / metrics["examples"] == pytest.approx(metrics["accuracy"])


def test_a_damaged_holdout_fails_the_evaluation_by_name(evaluation):
    path = evaluation.ml / "processing/input/holdout/t10k-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-12])
    assert evaluation.run("server.evaluate").returncode == 1
    assert (evaluation.ml / "output/message").read_text().startswith("InvalidIdxFile: t10k-labels-idx1-ubyte.gz: ")
