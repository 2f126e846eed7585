"""The main job on the deployed stack: data lands, a model is trained, judged, registered, rolled out, and answers."""

from __future__ import annotations

import csv
import gzip
import io
import json
import time
from pathlib import Path

import numpy as np
import pytest

WAIT_LIMIT_SECONDS = 60


@pytest.fixture(scope="module")
def digit_model(slipway, digits):
    return slipway.json("train", "mnist_lightning", "--data", str(digits), "--json")


@pytest.fixture(scope="module")
def number_model(slipway, numbers):
    return slipway.json("train", "nearest_mean", "--data", str(numbers), "--json")


def _images(path: Path, count: int) -> list[list[list[int]]]:
    pixels = gzip.decompress(path.read_bytes())[16:]
    rows = [list(pixels[start : start + 28]) for start in range(0, count * 784, 28)]
    return [rows[index * 28 : index * 28 + 28] for index in range(count)]


def test_before_the_first_run_a_workload_is_not_ready_and_says_when_to_ask_again(slipway):
    answer = slipway.predict("nearest_mean", {"instances": [1]})
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.body["error"]["message"]


def test_the_model_that_a_run_trained_answers_through_the_api(slipway, digits, digit_model):
    images = _images(digits / "t10k-images-idx3-ubyte.gz", 100)
    labels = gzip.decompress((digits / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:108]
    answer = slipway.predict("mnist_lightning", {"instances": images})
    assert answer.status == 200
    assert answer.body["model_version"] == digit_model["model_version"]
    assert answer.body["variant"] == "primary"
    for prediction in answer.body["predictions"]:
        assert sum(prediction["probabilities"]) == pytest.approx(1, abs=1e-4)
        assert prediction["label"] == max(range(10), key=prediction["probabilities"].__getitem__)
    right = sum(p["label"] == label for p, label in zip(answer.body["predictions"], labels, strict=True))
    assert right >= 90
    assert digit_model["metrics"]["accuracy"] >= 0.9


def test_every_format_goes_through_the_api_both_ways(slipway, digits, digit_model, tmp_path):
    images = _images(digits / "t10k-images-idx3-ubyte.gz", 3)
    stream = io.BytesIO()
    np.save(stream, np.array(images))
    rows = [",".join(str(pixel) for row in image for pixel in row) for image in images]
    bodies = {
        "application/json": json.dumps({"instances": images}).encode(),
        "application/jsonlines": "\n".join(map(json.dumps, images)).encode(),
        "text/csv": "\n".join(rows).encode(),
        "application/x-npy": stream.getvalue(),
    }
    predictions = slipway.predict("mnist_lightning", {"instances": images}).body["predictions"]
    expected = [[prediction["label"], *prediction["probabilities"]] for prediction in predictions]
    for content_type, body in bodies.items():
        answer = slipway.request(
            "/workloads/mnist_lightning/predictions", body, content_type=content_type, accept="*/*"
        )
        assert (answer.status, answer.body["predictions"]) == (200, predictions), content_type
        answer = slipway.request(
            "/workloads/mnist_lightning/predictions", body, content_type=content_type, accept="application/x-npy"
        )
        assert answer.headers["x-slipway-model-version"] == digit_model["model_version"]
        assert np.load(io.BytesIO(answer.body)).tolist() == expected
    file = tmp_path / "digits.csv"
    file.write_bytes(bodies["text/csv"])
    lines = slipway.run("predict", "mnist_lightning", str(file), "--accept", "application/jsonlines").stdout
    assert [json.loads(line) for line in lines.splitlines()] == predictions
    printed = slipway.run("predict", "mnist_lightning", str(file), "--accept", "text/csv").stdout
    assert [[float(cell) for cell in row] for row in csv.reader(printed.splitlines())] == expected


def test_a_second_workload_takes_two_folders_and_nothing_else(slipway, number_model):
    answer = slipway.predict("nearest_mean", {"instances": [0.2, 9.5]})
    assert (answer.status, answer.body["predictions"]) == (200, ["low", "high"])


def test_a_new_run_on_the_same_data_is_a_new_model_version_that_serves(slipway, number_model):
    again = slipway.json("train", "nearest_mean", "--set", "shift=0.5", "--json")
    assert int(again["model_version"]) == int(number_model["model_version"]) + 1
    assert slipway.predict("nearest_mean", {"instances": [1]}).body["model_version"] == again["model_version"]


def test_the_run_records_which_object_versions_it_was_trained_on(slipway, number_model):
    states = slipway.client("stepfunctions")
    arn = next(e["executionArn"] for e in slipway.executions("nearest_mean") if e["name"] == number_model["run"])
    objects = json.loads(states.describe_execution(executionArn=arn)["input"])["objects"]
    bucket = slipway.descriptor("nearest_mean")["data"]["bucket"]
    assert {o["key"].rsplit("/", 1)[-1] for o in objects} == {"train.csv", "test.csv", "request.json"}
    for one in objects:
        slipway.client("s3").head_object(Bucket=bucket, Key=one["key"], VersionId=one["version_id"])


def test_events_that_are_delivered_again_start_no_second_run(slipway, number_model):
    descriptor = slipway.descriptor("nearest_mean")
    before = [execution["name"] for execution in slipway.executions("nearest_mean")]
    sqs = slipway.client("sqs")
    queue = next(url for url in sqs.list_queues()["QueueUrls"] if "nearest-mean" in url and not url.endswith("dlq"))
    newest = slipway.client("s3").list_objects_v2(
        Bucket=descriptor["data"]["bucket"], Prefix=f"nearest_mean/{number_model['dataset']}/train/"
    )["Contents"][0]
    event = {
        "version": "0", "id": "e", "source": "aws.s3", "detail-type": "Object Created", "resources": [],
        "detail": {"bucket": {"name": descriptor["data"]["bucket"]}, "object": {"key": newest["Key"]}},
    }  # fmt: skip
    for _ in range(10):
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(event))
    deadline = time.monotonic() + WAIT_LIMIT_SECONDS
    while time.monotonic() < deadline and _waiting(sqs, queue):
        time.sleep(0.5)
    assert not _waiting(sqs, queue)
    assert [execution["name"] for execution in slipway.executions("nearest_mean")] == before


def _waiting(sqs, queue: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return sum(int(v) for v in sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"].values())


def test_status_tells_what_is_deployed(slipway, number_model):
    document = slipway.json("status", "--json")
    names = {workload["name"] for workload in document["workloads"]}
    assert names >= {"mnist_lightning", "nearest_mean"}
    listed = slipway.request("/workloads")
    assert listed.status == 200
    assert {workload["name"] for workload in listed.body["workloads"]} == names
    assert slipway.request("/workloads/nearest_mean").body["status"] == "InService"


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("nearest_mean", b'{"instances": ["x"]}', {}, 400),
        ("nearest_mean", b"not json", {}, 400),
        ("nearest_mean", b"", {}, 400),
        ("mnist_lightning", json.dumps({"instances": [[[0] * 27] * 28]}).encode(), {}, 400),
        ("nothing_here", b'{"instances": [1]}', {}, 404),
        ("nearest_mean", b'{"instances": [1]}', {"content_type": "image/png"}, 415),
        ("nearest_mean", b'{"instances": [' + b"1," * 3_200_000 + b"1]}", {}, 413),
        ("nearest_mean", b'{"instances": [1]}', {"x_api_key": ""}, 403),
        ("nearest_mean", b'{"instances": [1]}', {"x_api_key": "wrong"}, 403),
    ],
)  # fmt: skip
def test_a_bad_request_gets_its_status_and_a_message(slipway, digit_model, number_model, path, body, headers, status):
    answer = slipway.request(f"/workloads/{path}/predictions", body, **headers)
    assert answer.status == status
    assert answer.body["error"]["message"]
    assert "Traceback" not in json.dumps(answer.body)


def test_a_wrong_shape_is_named_in_the_answer(slipway, digit_model):
    message = slipway.predict("mnist_lightning", {"instances": [[[0] * 27] * 28]}).body["error"]["message"]
    assert "instances[0]" in message
    assert "28" in message


def test_logs_shows_what_the_training_job_printed(slipway, number_model):
    assert "train_accuracy=1.0" in slipway.run("logs", "nearest_mean").stdout


def test_logs_leaves_out_the_metrics_that_a_model_server_writes_for_cloudwatch(slipway, number_model):
    logs, group = (
        slipway.client("logs"),
        f"/aws/sagemaker/Endpoints/{slipway.descriptor('nearest_mean')['endpoint_name']}",
    )
    stream = logs.describe_log_streams(logGroupName=group)["logStreams"][0]["logStreamName"]
    now = round(1000 * time.time())
    lines = ['{"_aws": {"Timestamp": 1}, "Requests": 2}', "for people"]
    events = [{"timestamp": now, "message": line} for line in lines]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    shown = slipway.run("logs", "nearest_mean").stdout
    assert "for people" in shown and "_aws" not in shown
