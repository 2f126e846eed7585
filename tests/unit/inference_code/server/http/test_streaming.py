"""Answers that are sent as the model gives them."""

from __future__ import annotations

import http.client
import json

import pytest

CODE = """
import pathlib, time
def model_fn(model_dir):
    return pathlib.Path(model_dir)
def predict_fn(data, model):
    return stream(data[0], model)
def stream(asked, model):
    if asked == "fail":
        raise RuntimeError("the secret is 42")
    if asked == "panic":
        raise BaseException("the secret is 42")
    try:
        yield b"one "
        if asked == "step":
            while not (model / "go").exists():
                time.sleep(0.005)
        if asked == "hang":
            with (model / "hanging").open("a") as file:
                file.write(".")
            while True:
                time.sleep(0.05)
        if asked == "break":
            raise RuntimeError("the secret is 42")
        if asked == "wrong":
            yield 3
        if asked == "endless":
            while True:
                yield b"x" * 65536
        yield "two \\u00e9"
    finally:
        (model / "closed").touch()
"""


@pytest.fixture(scope="module")
def container(make_container):
    return make_container().with_code({"inference.py": CODE})


@pytest.fixture(scope="module")
def server(container, start):
    return start(container, SLIPWAY_MODEL_VERSION="7", SAGEMAKER_MODEL_SERVER_WORKERS="1")


def ask(server, what: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", "/invocations", json.dumps({"instances": [what]}))
    return connection.getresponse()


def test_parts_arrive_before_the_model_has_given_the_last_one(container, server):
    response = ask(server, "step")
    assert (response.status, response.headers["transfer-encoding"]) == (200, "chunked")
    assert response.headers["x-amzn-sagemaker-custom-attributes"] == "model_version=7"
    assert response.read1(100) == b"one "
    assert server.ping() == 200
    (container.ml / "model/go").touch()
    assert response.read().decode() == "two é"


@pytest.mark.parametrize("how", ["fail", "panic"])
def test_a_failure_before_the_first_part_is_an_answer_and_tells_no_secrets(server, how):
    answer = server.invoke({"instances": [how]})
    assert answer.status == 500
    assert "secret" not in answer.body.decode() + server.log


@pytest.mark.parametrize("how", ["break", "wrong"])
def test_a_failure_in_the_middle_ends_the_connection_before_the_answers_end(server, how):
    with pytest.raises(http.client.IncompleteRead) as broken:
        ask(server, how).read()
    assert broken.value.partial == b"one "
    assert "secret" not in server.log
    assert server.ping() == 200


def test_when_the_client_goes_away_the_model_is_told(container, server):
    (container.ml / "model/closed").unlink(missing_ok=True)
    response = ask(server, "endless")
    response.read(1000)
    response.close()
    server.wait_until((container.ml / "model/closed").exists)
    assert server.invoke({"instances": ["short"]}).body.decode() == "one two é"


def test_streams_that_hang_are_ended_and_their_worker_is_replaced_when_no_thread_is_left(make_container, start):
    container = make_container().with_code({"inference.py": CODE})  # a log of its own
    server = start(container, SAGEMAKER_MODEL_SERVER_WORKERS="1", SAGEMAKER_MODEL_SERVER_TIMEOUT="1")
    hanging = [ask(server, "hang") for _ in range(16)]
    assert [response.read1(100) for response in hanging] == [b"one "] * 16
    file = container.ml / "model/hanging"
    server.wait_until(lambda: file.exists() and file.stat().st_size == 16)
    for response in hanging[1:]:
        response.close()
    with pytest.raises(http.client.IncompleteRead):
        hanging[0].read()
    server.wait_until(lambda: "is replaced" in server.log and server.ping() == 200)
    assert server.invoke({"instances": ["short"]}).status == 200
