"""The fine-tuned model behind the real server, by both of its contracts, and in the evaluation."""

from __future__ import annotations

import json
import shutil
import tarfile

import pytest

from tests.support.container_python import ROOT

SAMPLE = (ROOT / "inference_code/reviews_distilbert/sample_request.json").read_bytes()
GOOD = "This tent is sturdy, beautiful and easy to use. Highly recommended!"
BAD = "It came on a Tuesday. This tent never worked at all. Very disappointed."


@pytest.fixture(scope="module")
def server(make_container, start, reviews_model):
    container = make_container("reviews_distilbert").with_workload("reviews_distilbert")
    shutil.copytree(reviews_model, container.ml / "model", dirs_exist_ok=True)
    return start(container)


def predictions(answer) -> list:
    assert answer.status == 200, answer.body
    return answer.json["predictions"]


def test_hugging_faces_contract_takes_one_text_or_several(server) -> None:
    both = predictions(server.invoke({"inputs": [GOOD, BAD]}))
    assert [prediction["label"] for prediction in both] == ["positive", "negative"]
    assert all(0.5 < prediction["score"] <= 1 for prediction in both)
    (alone,) = predictions(server.invoke({"inputs": BAD}))
    assert alone["label"] == "negative"
    assert alone["score"] == pytest.approx(both[1]["score"], abs=1e-5)


def test_the_other_contract_takes_a_text_and_answers_with_a_word(server) -> None:
    assert predictions(server.invoke({"text": GOOD})) == ["positive"]
    assert predictions(server.invoke({"text": BAD})) == ["negative"]


def test_the_sample_request_is_answered(server) -> None:
    assert [prediction["label"] for prediction in predictions(server.invoke(SAMPLE))] == ["positive", "negative"]


def test_many_texts_of_many_lengths_are_answered_in_their_order(server) -> None:
    texts = [GOOD, BAD, f"{GOOD} " * 40, "", f"{BAD} " * 3] * 20
    labels = [prediction["label"] for prediction in predictions(server.invoke({"instances": texts}))]
    assert labels[:3] == ["positive", "negative", "positive"]
    assert labels == labels[:5] * 20


def test_json_lines_are_answered_line_by_line(server) -> None:
    lines = f"{json.dumps({'text': GOOD})}\n{json.dumps(BAD)}\n".encode()
    answer = server.invoke(lines, content_type="application/jsonlines", accept="application/jsonlines")
    assert [json.loads(line)["label"] for line in answer.body.splitlines()] == ["positive", "negative"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"inputs": [GOOD, 5]}, "inputs[1]"),
        ({"inputs": []}, "inputs"),
        ({"inputs": None}, "inputs"),
        ({"text": ["a", "b"]}, "text"),
        ({"instances": [{"review": "a"}]}, "instances[0]"),
        ({"texts": "a"}, "instances"),
    ],
)
def test_what_is_no_text_is_named(server, wrong: dict, field: str) -> None:
    answer = server.invoke(wrong)
    assert answer.status == 400
    assert answer.error["field"] == field


def test_the_evaluation_measures_the_test_reviews(make_container, reviews_model, sample) -> None:
    container = make_container("reviews_distilbert").with_workload("reviews_distilbert")
    inputs = container.ml / "processing/input"
    shutil.copytree(sample / "test", inputs / "holdout")
    (inputs / "challenger").mkdir()
    with tarfile.open(inputs / "challenger/model.tar.gz", "w:gz") as archive:
        archive.add(reviews_model, arcname=".")
    done = container.run("server.evaluate")
    assert done.returncode == 0, done.stderr
    metrics = json.loads((container.ml / "processing/output/evaluation.json").read_text())["challenger"]["metrics"]
    assert metrics["accuracy"] >= 0.9
    assert metrics["examples"] == 150


def test_the_artifact_is_a_folder_of_transformers_without_pickles(reviews_model) -> None:
    names = {path.name for path in reviews_model.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "model.onnx"} <= names
    assert not {name for name in names if name.endswith((".bin", ".pt", ".pkl"))}
    config = json.loads((reviews_model / "config.json").read_text())
    assert config["id2label"] == {"0": "negative", "1": "positive"}
    assert json.loads((reviews_model / "tokenizer_config.json").read_text())["model_max_length"] == 32
