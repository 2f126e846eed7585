"""Queue, requests and metrics of asynchronous inference, without a cloud; with one: the integration tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.sagemaker.asynchronous.backlog import KIND, Backlog
from localcloud.sagemaker.asynchronous.dispatcher import Dispatcher
from localcloud.sagemaker.asynchronous.request import invocation, read
from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.store import Store

OUTPUT = {"S3OutputPath": "s3://b/out/", "S3FailurePath": "s3://b/failed"}
INPUT = {"x-amzn-sagemaker-inputlocation": "s3://b/in"}


class Objects:
    """A bucket, as the model's role sees it."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}

    def client(self, _service: str) -> Objects:
        return self

    def put_object(self, **members: Any) -> None:
        self.objects[members["Key"]] = members


class Metrics:
    def __init__(self) -> None:
        self.recorded: list[dict[str, float]] = []
        self.gauged: list[dict[str, Any]] = []

    def record(self, _endpoint: str, _variant: str, values: dict[str, float], _now: float) -> None:
        self.recorded.append(values)

    def gauges(self, _endpoint: str, **values: Any) -> None:
        self.gauged.append(values)


class Sleeping:
    """A variant without instances."""

    name = "primary"
    instances = ()

    class spec:
        role_arn = "arn"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "store.sqlite")
    serving = {"AsyncInferenceConfig": {"OutputConfig": OUTPUT}}
    store.create("endpoint", "e", {"EndpointName": "e", "EndpointStatus": "InService", "_ServingConfig": serving})
    yield store
    store.close()


def _request(now: float = 1000.0, **headers: str) -> dict[str, Any]:
    return invocation(read("e", {**INPUT, **headers}, b""), OUTPUT, now)


@pytest.mark.parametrize(
    ("headers", "body", "words"),
    [
        ({}, b"", "Exactly one"),
        (INPUT, b"x", "Exactly one"),
        ({"x-amzn-sagemaker-inputlocation": "ftp://b/k"}, b"", "inputLocation"),
        ({"x-amzn-sagemaker-inputlocation": "https://h/k"}, b"", "https://h/k"),
        ({**INPUT, "x-amzn-sagemaker-requestttlseconds": "59"}, b"", "requestTTLSeconds"),
        ({**INPUT, "x-amzn-sagemaker-invocationtimeoutseconds": "3601"}, b"", "invocationTimeoutSeconds"),
        ({**INPUT, "x-amzn-sagemaker-invocationtimeoutseconds": "soon"}, b"", "soon"),
        ({**INPUT, "x-amzn-sagemaker-filename": "../x"}, b"", "filename"),
        ({**INPUT, "x-amzn-sagemaker-inference-id": " x"}, b"", "inferenceId"),
        ({}, b"x" * 128_001, "128000"),
    ],
)
def test_a_request_that_cannot_be_is_refused_by_name(headers: dict[str, str], body: bytes, words: str) -> None:
    with pytest.raises(ValidationException, match=words):
        read("e", headers, body)


def test_a_request_knows_its_places_and_times() -> None:
    document = _request(**{"x-amzn-sagemaker-requestttlseconds": "60"})
    identifier = document["InvocationId"]
    assert document["OutputLocation"] == f"s3://b/out/{identifier}.out"
    assert document["FailureLocation"] == f"s3://b/failed/{identifier}-error.out"
    assert (document["ExpiryTime"], document["TimeoutSeconds"]) == (1060.0, 900)


def test_what_was_running_when_the_cloud_ended_waits_at_its_old_place(store: Store) -> None:
    backlog = Backlog(store)
    documents = [_request(now=float(number)) for number in range(3)]
    for document in documents:
        backlog.put(document)
    assert backlog.take("e") == documents[0]
    backlog.finish(documents[0])
    assert backlog.take("e") == documents[1]
    assert (backlog.size("e"), backlog.running("e"), backlog.oldest("e")) == (2, 1, 1.0)
    again = Backlog(store)
    assert [again.take("e") for _ in range(3)] == [documents[1], documents[2], None]
    again.put_back(documents[1])
    assert again.take("e") == documents[1]


def _dispatcher(store: Store, backlog: Backlog, metrics: Metrics, objects: Objects, now: float) -> Dispatcher:
    return Dispatcher(
        store,
        backlog,
        variants=lambda _endpoint: (Sleeping(),),
        role=lambda _arn: objects,
        metrics=metrics,
        region="us-east-1",
        now=lambda: now,
    )


def test_what_waits_too_long_expires_even_without_an_instance(store: Store) -> None:
    backlog, metrics, objects = Backlog(store), Metrics(), Objects()
    old, young = _request(now=0.0), _request(now=21_000.0)
    backlog.put(old)
    backlog.put(young)
    _dispatcher(store, backlog, metrics, objects, now=21_601.0).dispatch()
    assert backlog.size("e") == 1
    (values,) = metrics.recorded
    assert (values["ExpiredRequests"], values["InvocationFailures"]) == (1.0, 1.0)
    (written,) = objects.objects.values()
    assert b"expired" in written["Body"]
    assert [document["InvocationId"] for document in store.list(KIND)] == [young["InvocationId"]]


def test_the_gauges_tell_the_queue(store: Store) -> None:
    backlog, metrics = Backlog(store), Metrics()
    backlog.put(_request(now=1000.0))
    _dispatcher(store, backlog, metrics, Objects(), now=1030.0).publish_gauges()
    assert metrics.gauged == [{"backlog": 1, "instances": 0, "oldest": 1000.0, "now": 1030.0}]


def test_requests_go_with_their_endpoint(store: Store) -> None:
    backlog = Backlog(store)
    backlog.put(_request())
    store.delete("endpoint", "e")
    _dispatcher(store, backlog, Metrics(), Objects(), now=1001.0).dispatch()
    assert backlog.endpoints() == []
    assert list(store.list(KIND)) == []
