"""The spam filter, trained by the training script, behind the real server and in the evaluation."""

from __future__ import annotations

import json
import shutil
import tarfile

import pytest

from tests.support.container_python import ROOT

SAMPLE = (ROOT / "inference_code/spam_spark/sample_request.json").read_bytes()
SPAM = "WINNER!! your mobile number has won a bonus of £900 Call 09061234567 now to claim. Valid 12 hrs only"
HAM = "Hi mum, I am still on the bus, see you later"


@pytest.fixture(scope="module")
def server(make_container, start, spam_model):
    container = make_container("spam_spark").with_workload("spam_spark")
    shutil.copytree(spam_model, container.ml / "model", dirs_exist_ok=True)
    return start(container)


def labels(answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [prediction["label"] for prediction in answer.json["predictions"]]


def test_texts_are_told_apart(server) -> None:
    answer = server.invoke({"instances": [SPAM, HAM, {"text": SPAM}]})
    assert labels(answer) == ["spam", "ham", "spam"]
    probabilities = [prediction["probability"] for prediction in answer.json["predictions"]]
    assert probabilities[0] > 0.7 > 0.3 > probabilities[1]


def test_the_sample_request_is_answered(server) -> None:
    assert labels(server.invoke(SAMPLE)) == ["spam", "ham"]


def test_a_text_without_words_is_answered(server) -> None:
    assert len(labels(server.invoke({"instances": ["", "123"]}))) == 2


def test_json_lines_and_csv_are_answered_line_by_line(server) -> None:
    lines = f"{json.dumps(SPAM)}\n{json.dumps({'text': HAM})}\n"
    answer = server.invoke(lines.encode(), content_type="application/jsonlines", accept="application/jsonlines")
    assert [json.loads(line)["label"] for line in answer.body.splitlines()] == ["spam", "ham"]
    rows = f'"{SPAM}"\n"{HAM}"\n'
    answer = server.invoke(rows.encode(), content_type="text/csv", accept="text/csv")
    assert [line.split(",")[0] for line in answer.body.decode().splitlines()] == ["spam", "ham"]


@pytest.mark.parametrize("wrong", [5, None, {"words": "a"}, ["a", "b"], [], {"text": 5}])
def test_an_instance_that_is_no_text_is_named(server, wrong: object) -> None:
    answer = server.invoke({"instances": [HAM, wrong]})
    assert answer.status == 400
    assert answer.error["field"] == "instances[1]"


def test_the_evaluation_counts_held_out_texts(make_container, spam_model, holdout) -> None:
    container = make_container("spam_spark").with_workload("spam_spark")
    inputs = container.ml / "processing/input"
    shutil.copytree(holdout, inputs / "holdout")
    (inputs / "challenger").mkdir()
    with tarfile.open(inputs / "challenger/model.tar.gz", "w:gz") as archive:
        archive.add(spam_model, arcname=".")
    done = container.run("server.evaluate")
    assert done.returncode == 0, done.stderr
    metrics = json.loads((container.ml / "processing/output/evaluation.json").read_text())["challenger"]["metrics"]
    assert metrics["accuracy"] >= 0.9
    assert metrics["examples"] == 150
    baseline = (container.ml / "processing/output/baseline.jsonl").read_text().splitlines()
    assert len(baseline) == 150
    asked = [json.loads(json.loads(line)["captureData"]["endpointInput"]["data"]) for line in baseline]
    assert all(isinstance(text, str) for document in asked for text in document["instances"])
