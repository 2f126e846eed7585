"""Micro-batches over HTTP: requests that wait together are answered as they would be alone."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

CODE = """
import pathlib, sys, time
BATCHED = True
SIZES = []
class Panic(BaseException):  # as a library in Rust raises
    pass
def model_fn(model_dir):
    return pathlib.Path(model_dir)
def predict_fn(data, model):
    SIZES.append(len(data))
    if data == ["sizes"]:
        return [SIZES]
    if data == ["wait"]:
        (model / "started").touch()
        while not (model / "go").exists():
            time.sleep(0.005)
    if "panic" in data:
        raise Panic("the secret is 42")
    if "exit" in data:
        sys.exit("the secret is 42")
    if "lie" in data:
        return [1]
    return [1 / item if isinstance(item, (int, float)) else item for item in data]
"""


@pytest.fixture
def server(make_container, start):
    container = make_container().with_code({"inference.py": CODE})
    server = start(container, SAGEMAKER_MODEL_SERVER_WORKERS="1", SLIPWAY_BATCH_MAX_ROWS="64")
    server.model = container.ml / "model"
    return server


def together(server, inputs: list[list]) -> list:
    """The answers to requests that all wait while the model is busy with another one."""
    blocker = threading.Thread(target=lambda: server.invoke({"instances": ["wait"]}))
    blocker.start()
    server.wait_until((server.model / "started").exists)
    with ThreadPoolExecutor(len(inputs)) as pool:
        answers = pool.map(lambda instances: server.invoke({"instances": instances}), inputs)
        server.wait_until(lambda: f"queued_requests {len(inputs)}" in server.request("GET", "/metrics").body.decode())
        (server.model / "go").touch()
        found = list(answers)
    blocker.join(timeout=60)
    return found


def sizes(server) -> list[int]:
    return server.invoke({"instances": ["sizes"]}).json["predictions"][0][:-1]


def test_each_request_gets_its_own_predictions(server):
    inputs = [[number, number + 0.5, *[2.0] * (number % 3)] for number in range(1, 9)]
    answers = together(server, inputs)
    assert [answer.json["predictions"] for answer in answers] == [[1 / item for item in one] for one in inputs]
    assert sizes(server) == [1, sum(map(len, inputs))]


def test_a_bad_row_fails_its_own_request_only(server):
    answers = together(server, [[1], [2, 0], [4], [5.0]])
    assert sorted(answer.status for answer in answers) == [200, 200, 200, 500]
    assert answers[1].status == 500
    assert [answer.json["predictions"] for answer in answers if answer.status == 200] == [[1.0], [0.25], [0.2]]
    assert "repeated one by one" in server.log


def test_a_panic_or_an_exit_fails_its_own_request_only(server):
    answers = together(server, [["a"], ["panic"], ["exit"], ["b"]])
    assert [answer.status for answer in answers] == [200, 500, 500, 200]
    assert "secret" not in server.log
    assert server.invoke({"instances": ["c"]}).status == 200
    assert server.log.count(" answers") == 1  # by the same worker


def test_inputs_that_differ_stay_apart(server):
    answers = together(server, [[1], ["text"], [2]])
    assert [answer.json["predictions"] for answer in answers] == [[1.0], ["text"], [0.5]]
    assert sorted(sizes(server)) == [1, 1, 2]


def test_a_model_that_does_not_keep_what_it_says_is_not_batched_any_more(server):
    answers = together(server, [["lie"], ["a"], ["b"]])
    assert [answer.json["predictions"] for answer in answers] == [[1], ["a"], ["b"]]
    assert "not batched any more" in server.log
    assert sizes(server) == [1, 3, 1, 1, 1]


def test_what_finds_the_queue_full_is_not_even_read(make_container, start):
    code = CODE + "def input_fn(body, content_type):\n    print('parsed', flush=True)\n    return [body.decode()]\n"
    container = make_container().with_code({"inference.py": code.replace('["wait"]', """['"wait"']""")})
    server = start(container, SAGEMAKER_MODEL_SERVER_WORKERS="1", SLIPWAY_MAX_QUEUED_REQUESTS="1")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(server.invoke, '"wait"')
        server.wait_until((container.ml / "model/started").exists)
        second = pool.submit(server.invoke, '"second"')
        server.wait_until(lambda: "queued_requests 1" in server.request("GET", "/metrics").body.decode())
        assert server.invoke('"third"').status == 503
        (container.ml / "model/go").touch()
        assert [first.result(60).status, second.result(60).status] == [200, 200]
    assert server.log.count("parsed") == 2


def test_a_flag_that_is_none_is_named(make_container, start):
    container = make_container().with_code({"inference.py": CODE.replace("True", "'yes'", 1)})
    server = start(container, ready=False)
    assert server.process.wait(timeout=60) == 1
    assert "BATCHED is 'yes'; expected True or False" in server.log
