"""Events of a data bucket that exists, against real S3, SSM, Step Functions, SNS."""

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from request_training import dataset as data
from request_training.handler import handler
from shared.clients import client

EVENTS = Path(__file__).parents[2] / "events"
DATASET = "digits/20261112-080000-ab12"
FILES = [f"{DATASET}/train/images.gz", f"{DATASET}/test/images.gz"]

Deliver = Callable[..., list[str]]


@pytest.fixture
def deliver(stage: Any, context: Any) -> Deliver:
    """Hands one batch with an event for each key to the function; the ids of the messages that it failed
    (`m<index>`).
    """

    def record(index: int, key: str, bucket: str) -> dict[str, Any]:
        event = json.loads((EVENTS / "s3_object_created.json").read_text())
        event["detail"]["bucket"]["name"], event["detail"]["object"]["key"] = bucket, key
        event["detail"]["object"]["sequencer"] = stage.sequencer(key)
        body = json.dumps(event)
        return {**json.loads((EVENTS / "sqs_record.json").read_text()), "messageId": f"m{index}", "body": body}

    def send(*keys: str, bucket: str | None = None) -> list[str]:
        bucket = bucket or stage.descriptor["data"]["bucket"]
        records = [record(index, key, bucket) for index, key in enumerate(keys)]
        answer = handler({"Records": records}, context)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    return send


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_last_file_of_a_data_set_starts_the_run_with_its_versions_in_the_input(
    stage: Any, deliver: Deliver
) -> None:
    versions = {FILES[0]: stage.put(FILES[0], b"12345")}
    assert deliver(FILES[0]) == []
    assert stage.executions() == []
    versions[FILES[1]] = stage.put(FILES[1], b"123")
    assert deliver(FILES[1]) == []
    (execution,) = stage.executions()
    assert re.fullmatch(r"20261112-080000-ab12-[0-9a-f]{12}", execution["name"])
    run = stage.execution_input(execution["executionArn"])
    assert (run["workload"], run["dataset"], run["hyperparameters"]) == ("digits", "20261112-080000-ab12", {})
    assert [(o["key"], o["version_id"], o["size"]) for o in run["objects"]] == [
        (FILES[1], versions[FILES[1]], 3),
        (FILES[0], versions[FILES[0]], 5),
    ]
    assert all(re.fullmatch(r"[0-9a-f]{32}", o["etag"]) for o in run["objects"])


@pytest.mark.parametrize("times", [1, 2, 10])
def test_events_delivered_again_start_one_run(stage: Any, deliver: Deliver, times: int) -> None:
    for key in FILES:
        stage.put(key)
    for _ in range(times):
        assert deliver(*FILES) == []
    assert deliver(*(FILES * 5)) == []
    assert len(stage.executions()) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_events_in_any_order_start_one_run_with_the_same_name(
    stage: Any, deliver: Deliver, order: tuple[int, ...]
) -> None:
    keys = [*FILES, f"{DATASET}/request.json"]
    for key in FILES:
        stage.put(key)
    stage.put(keys[2], b'{"hyperparameters": {"epochs": 3}}')
    for index in order:
        assert deliver(keys[index]) == []
    (execution,) = stage.executions()
    assert stage.execution_input(execution["executionArn"])["hyperparameters"] == {"epochs": "3"}


def test_a_new_version_of_a_file_is_a_new_run(stage: Any, deliver: Deliver) -> None:
    for key in FILES:
        stage.put(key)
    deliver(*FILES)
    stage.await_end()
    stage.put(FILES[0], b"other")
    deliver(FILES[0])
    assert len({execution["name"] for execution in stage.executions()}) == 2


def test_a_deleted_file_makes_the_data_set_incomplete(stage: Any, deliver: Deliver) -> None:
    for key in FILES:
        stage.put(key)
    client("s3").delete_object(Bucket=stage.descriptor["data"]["bucket"], Key=FILES[0])
    assert deliver(FILES[1]) == []
    assert stage.executions() == []


def test_a_data_set_of_several_pages_is_read_whole(
    stage: Any, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [f"{DATASET}/train/images-{number}.gz" for number in range(7)] + [FILES[1]]
    for key in keys:
        stage.put(key)
    s3 = client("s3")
    paginate = s3.get_paginator("list_object_versions").paginate
    monkeypatch.setattr(s3, "get_paginator", lambda name: type("P", (), {"paginate": staticmethod(
        lambda **arguments: paginate(**arguments, PaginationConfig={"PageSize": 3}))}))  # fmt: skip
    assert deliver(keys[-1]) == []
    (execution,) = stage.executions()
    assert len(stage.execution_input(execution["executionArn"])["objects"]) == 8


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("digits/readme.txt", "the key is not"),
        (f"{DATASET}/notes.txt", "lies beside the channels"),
        (f"{DATASET}/validation/x.gz", "not in a channel of the workload (test, train)"),
        (f"{DATASET}/train/", "the key is not"),
        ("digits/bad_name/train/x.gz", "cannot be a data set's name"),
        ("letters/20261112-080000-ab12/train/x.gz", "there is no workload named 'letters'"),
        ("../x/y/z", "cannot be a workload's name"),
    ],
)
def test_an_object_outside_the_layout_is_logged_as_ignored_with_the_reason(
    stage: Any, deliver: Deliver, capsys: pytest.CaptureFixture[str], key: str, reason: str
) -> None:
    assert deliver(key) == []
    (line,) = logged(capsys)
    assert line["message"] == "ignored" and reason in line["reason"]
    assert stage.executions() == []


def test_an_object_of_another_bucket_starts_nothing(stage: Any, deliver: Deliver) -> None:
    for key in FILES:
        stage.put(key)
    assert deliver(*FILES, bucket="another-bucket") == []
    assert stage.executions() == []


@pytest.mark.parametrize(
    ("request_file", "problem"),
    [
        (b"{", "Expecting"),
        (b"[]", "must be a JSON object, found list"),
        (b'{"hyper": {}}', "unknown key 'hyper'"),
        (b'{"hyperparameters": {"epochs": [1]}}', "'epochs' must be a string, a number or a boolean, found list"),
        (b'{"hyperparameters": {"epochs": 1, "epochs": 2}}', "key 'epochs' appears twice"),
        (b'{"hyperparameters": {"rate": NaN}}', "NaN is not a JSON number"),
        (b" " * (data.MAX_REQUEST_BYTES + 1), "is larger than 65536 bytes"),
    ],
)
def test_a_malformed_request_starts_nothing_and_raises_one_alert_that_names_it(
    stage: Any, deliver: Deliver, request_file: bytes, problem: str
) -> None:
    for key in FILES:
        stage.put(key)
    stage.put(f"{DATASET}/request.json", request_file)
    for key in [*FILES, f"{DATASET}/request.json"]:
        assert deliver(key) == []
    assert stage.executions() == []
    (alert,) = stage.alerts()
    assert f"{DATASET}/request.json" in alert["Message"] and problem in alert["Message"]


def test_a_corrected_request_starts_the_run(stage: Any, deliver: Deliver) -> None:
    for key in FILES:
        stage.put(key)
    request = f"{DATASET}/request.json"
    stage.put(request, b"{")
    deliver(request)
    stage.put(request, b'{"hyperparameters": {"augment": true, "learning_rate": 0.5, "network": "vgg"}}')
    assert deliver(request) == []
    (execution,) = stage.executions()
    given = stage.execution_input(execution["executionArn"])["hyperparameters"]
    assert given == {"augment": "true", "learning_rate": "0.5", "network": "vgg"}


def test_a_message_that_is_no_event_is_failed_and_does_not_keep_back_the_others(
    stage: Any, deliver: Deliver, context: Any
) -> None:
    for key in FILES:
        stage.put(key)
    good = json.loads((EVENTS / "s3_object_created.json").read_text())
    good["detail"]["bucket"]["name"], good["detail"]["object"]["key"] = stage.descriptor["data"]["bucket"], FILES[0]
    bodies = ["not json", json.dumps({**good, "detail-type": "Object Deleted"}), json.dumps(good), "{}"]
    records = [{"messageId": f"m{index}", "body": body} for index, body in enumerate(bodies)]
    answer = handler({"Records": records}, context)
    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == ["m0", "m1", "m3"]
    assert len(stage.executions()) == 1


def test_a_data_set_that_cannot_be_handled_is_failed_alone(stage: Any, deliver: Deliver) -> None:
    other = "digits/20261113-090000-cd34"
    for key in [*FILES, f"{other}/train/images.gz", f"{other}/test/images.gz"]:
        stage.put(key)
    long = [f"{other}/train/{'x' * 900}{number}" for number in range(240)]
    for key in long:
        stage.put(key)
    assert deliver(f"{other}/test/images.gz", FILES[0]) == ["m0"]
    assert [e["name"].startswith("20261112-080000-ab12-") for e in stage.executions()] == [True]


def test_more_versions_than_can_be_listed_fail_with_what_to_do(
    stage: Any, deliver: Deliver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(data, "MAX_VERSIONS_LISTED", 3)
    for _ in range(2):
        for key in FILES:
            stage.put(key)
    assert deliver(FILES[0]) == ["m0"]
    assert "pack the files into archives" in logged(capsys)[-1]["reason"]
