"""The server over HTTP, with small inference code."""

from __future__ import annotations

import json
import signal
import subprocess
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ECHO = """
def model_fn(model_dir):
    return 10

def predict_fn(data, model):
    for item in data:
        if item == "raise":
            raise RuntimeError("the secret is 42")
        if item == "nan":
            return [float("nan")]
        if item == "object":
            return [object()]
    return [item * model if isinstance(item, int) else item for item in data]
"""
JSON = "application/json"


@pytest.fixture(scope="module")
def echo(make_container, start):
    return start(make_container().with_code({"inference.py": ECHO}), SLIPWAY_MODEL_VERSION="7")


def test_a_prediction_says_which_version_made_it_and_which_request_it_answers(echo):
    answer = echo.invoke({"instances": [1, 2]}, x_request_id="abc-1")
    assert (answer.status, answer.json) == (200, {"predictions": [10, 20]})
    assert answer.headers["content-type"] == JSON
    assert answer.headers["x-amzn-sagemaker-custom-attributes"] == "model_version=7"
    assert answer.headers["x-request-id"] == "abc-1"


def test_ping_has_no_body(echo):
    answer = echo.request("GET", "/ping")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "told"),
    [
        ("POST", "/invocations", "[", {}, 400, "not valid JSON"),
        ("POST", "/invocations", "", {}, 400, "not valid JSON"),
        ("POST", "/invocations", b'{"instances": ["\xff"]}', {}, 400, "not valid JSON"),
        ("POST", "/invocations", '{"instances": [NaN]}', {}, 400, "not valid JSON"),
        ("POST", "/invocations", '{"instances": [-Infinity]}', {}, 400, "not valid JSON"),
        ("POST", "/invocations", '{"instances": [1e999]}', {}, 400, "not valid JSON"),
        ("POST", "/invocations", "[" * 100_000 + "]" * 100_000, {}, 400, "not valid JSON"),
        ("POST", "/invocations", '{"instances": [1], "instances": [2]}', {}, 400, "'instances' appears twice"),
        ("POST", "/invocations", '{"instances": [{"a": 1, "a": 2}]}', {}, 400, "'a' appears twice"),
        ("POST", "/invocations", '{"rows": [1]}', {}, 400, 'the key "instances"'),
        ("POST", "/invocations", "[1]", {}, 400, 'the key "instances"'),
        ("POST", "/invocations", '{"instances": 1}', {}, 400, "expected a list, got int"),
        ("POST", "/invocations", "1", {"content-type": "text/html"}, 415, "cannot read 'text/html'"),
        ("POST", "/invocations", "{}", {"content-type": f"{JSON}; charset=latin-1"}, 415, "charset 'latin-1'"),
        ("POST", "/invocations", "{}", {"content-encoding": "gzip"}, 415, "compressed"),
        ("POST", "/invocations", "{}", {"accept": "text/html"}, 406, "cannot answer with 'text/html'"),
        ("POST", "/invocations", "{}", {"accept": f"{JSON};q=0, text/html"}, 406, "cannot answer"),
        ("POST", "/invocations", "{}", {"connection": "Upgrade", "upgrade": "h2c"}, 400, "send it without Upgrade"),
        ("GET", "/invocations", None, {}, 405, "takes POST"),
        ("POST", "/ping", "", {}, 405, "takes GET"),
        ("GET", "/models", None, {}, 404, "there is no '/models'"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(echo, method, path, body, headers, status, told):
    answer = echo.request(method, path, body, {"content-type": JSON} | headers)
    assert answer.status == status
    assert told in answer.error["message"]
    assert answer.headers["content-type"] == JSON


@pytest.mark.parametrize("headers", [{}, {"content-type": f"{JSON}; charset=UTF-8"}, {"accept": "*/*;q=0.5"}])
@pytest.mark.parametrize("accept", ["application/*", f"text/html, {JSON};q=0.1"])
def test_what_can_be_read_and_written_is_accepted_however_it_is_said(echo, headers, accept):
    answer = echo.request("POST", "/invocations", '{"instances": [4]}', {"accept": accept} | headers)
    assert answer.json == {"predictions": [40]}


@pytest.mark.parametrize("declared", [True, False], ids=["declared length", "chunked"])
def test_a_body_over_the_limit_is_refused(echo, declared):
    body = b"[" + b" " * 6_291_456
    answer = echo.invoke(body) if declared else echo.request("POST", "/invocations", iter([body]), {})
    assert answer.status == 413
    assert "6291456 bytes" in answer.error["message"]
    assert echo.ping() == 200


@pytest.mark.parametrize("item", ["raise", "nan", "object"])
def test_a_model_that_fails_is_not_the_client_s_fault_and_tells_no_secrets(echo, item):
    answer = echo.invoke({"instances": [item]})
    assert answer.status == 500
    assert "Traceback" not in answer.body.decode()
    assert "secret" not in answer.body.decode()
    assert "the secret is 42" not in echo.log  # an exception's message may quote the request
    assert echo.invoke({"instances": [1]}).status == 200


def test_where_a_model_failed_is_logged(echo):
    echo.invoke({"instances": ["raise"]})
    assert "RuntimeError at" in echo.log
    assert "predict_fn" in echo.log


def test_a_header_that_could_forge_others_is_not_given_back(echo):
    assert "x-request-id" not in echo.invoke({"instances": [1]}, x_request_id="a b; c").headers


documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60) | documents.map(lambda value: json.dumps(value).encode()))
def test_no_body_whatever_makes_the_server_fail(echo, body):
    assert echo.invoke(body).status in (200, 400)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(documents, max_size=4).filter(lambda items: not {"raise", "nan", "object"} & set(map(str, items))))
def test_a_document_arrives_as_it_was_sent(echo, items):
    expected = [item * 10 if isinstance(item, int) else item for item in items]
    answer = echo.invoke({"instances": items})
    assert answer.status == 200
    assert answer.json["predictions"] == expected


SLOW = """
import pathlib, time
def wait_for(path):
    for _ in range(6000):
        if path.exists():
            return
        time.sleep(0.01)
    raise TimeoutError(path.name)
def model_fn(model_dir):
    (pathlib.Path(model_dir) / "loading").touch()
    wait_for(pathlib.Path(model_dir) / "go")
    return pathlib.Path(model_dir)
def predict_fn(data, model):
    (model / "started").touch()
    wait_for(model / "finish")
    return data
"""


@pytest.fixture
def slow(make_container):
    return make_container().with_code({"inference.py": SLOW})


def test_nobody_is_answered_before_the_model_is_loaded(slow, start):
    server = start(slow, ready=False)
    server.wait_until((slow.ml / "model/loading").exists)
    assert server.ping() is None
    (slow.ml / "model/go").touch()
    (slow.ml / "model/finish").touch()
    server.wait_until(lambda: server.ping() == 200)
    assert server.invoke({"instances": [0]}).status == 200


def in_background(server, count: int) -> tuple[list, list[threading.Thread]]:
    """Answers as they come, and the threads that wait for them."""
    answers: list = []
    threads = [threading.Thread(target=lambda: answers.append(server.invoke({"instances": [2]}))) for _ in range(count)]
    for thread in threads:
        thread.start()
    return answers, threads


def test_ping_is_answered_while_predictions_run_and_too_many_are_refused(slow, start):
    (slow.ml / "model/go").touch()
    server = start(slow, SAGEMAKER_MODEL_SERVER_WORKERS="1", SLIPWAY_MAX_QUEUED_REQUESTS="3")
    limit = 1 + 3  # with the one that runs
    answers, threads = in_background(server, limit + 5)
    server.wait_until(lambda: len(answers) == 5)
    assert {(answer.status, answer.headers["retry-after"]) for answer in answers} == {(503, "1")}
    assert server.ping() == 200
    (slow.ml / "model/finish").touch()
    for thread in threads:
        thread.join(timeout=60)
    assert [answer.status for answer in answers] == [503] * 5 + [200] * limit


def test_sigterm_lets_requests_in_flight_finish(slow, start):
    (slow.ml / "model/go").touch()
    server = start(slow)
    answers, (thread,) = in_background(server, 1)
    server.wait_until((slow.ml / "model/started").exists)
    server.process.send_signal(signal.SIGTERM)
    server.wait_until(lambda: server.ping() is None)  # it takes no more requests
    (slow.ml / "model/finish").touch()
    assert server.process.wait(timeout=60) == 0
    thread.join(timeout=60)
    assert [(answer.status, answer.json) for answer in answers] == [(200, {"predictions": [2]})]


@pytest.mark.parametrize("in_workers", ["true", "false"])
def test_sigterm_while_loading_ends_the_server(slow, start, in_workers):
    server = start(slow, ready=False, SLIPWAY_LOAD_IN_WORKERS=in_workers)
    server.wait_until((slow.ml / "model/loading").exists)
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"inference.py": "def model_fn(d): raise OSError('no weights')\ndef predict_fn(d, m): pass"}, "no weights"),
        ({"inference.py": "x = 1"}, "inference.py has no predict_fn(data, model)"),
        ({"inference.py": "predict_fn = 3"}, "predict_fn is not a function but 3"),
        ({}, "inference.py does not exist"),
        (
            {"inference.py": "def predict_fn(d, m): return 1 / 0", "sample_request.json": '{"instances": [1]}'},
            "ZeroDivisionError",
        ),
    ],
    ids=["model_fn raises", "no predict_fn", "no function", "no code", "sample request fails"],
)
def test_a_model_that_cannot_be_served_ends_the_server_with_the_reason_in_its_log(make_container, start, files, told):
    server = start(make_container().with_code(files), ready=False)
    assert server.process.wait(timeout=60) == 1
    assert told in server.log


OWN_FORMATS = """
def input_fn(body, content_type):
    if b"type" in body:
        raise TypeError("instances[2].x: no number")
    if b"value" in body:
        raise ValueError("nothing to read")
    if b"key" in body:
        raise KeyError("x")
    if b"panic" in body:
        raise type("Panic", (BaseException,), {})("the secret is 42")
    return body

def predict_fn(data, model):
    return len(data)

def output_fn(prediction, accept):
    return {} if prediction == 3 else '{"length": %d}' % prediction
"""


def test_own_formats_and_whose_fault_their_errors_are(make_container, start):
    server = start(make_container().with_code({"inference.py": OWN_FORMATS}))
    assert server.invoke('{"a": 1}').json == {"length": 8}
    assert server.invoke('"type"').error == {"message": "instances[2].x: no number", "field": "instances[2].x"}
    assert server.invoke('"value"').error == {"message": "nothing to read"}
    assert server.invoke('"key"').status == 500
    for _ in range(2):  # in a thread as long as nobody knows how long it takes, else in the event loop
        assert server.invoke('"panic"').error == {"message": "the model failed on this request"}
    assert "secret" not in server.log
    assert server.invoke("123").error == {"message": "the model failed on this request"}  # no bytes to send
    assert server.invoke('{"a": 1, "a": 1}').status == 400  # strict before their code sees it


@pytest.mark.parametrize(
    ("variable", "value"),
    [("SAGEMAKER_BIND_TO_PORT", "http"), ("SLIPWAY_MODEL_VERSION", "1\r\nx: y"), ("SLIPWAY_MODEL_SHA256", "3")],
)
def test_a_setting_that_cannot_be_is_named(make_container, variable, value):
    container = make_container().with_code({"inference.py": ECHO})
    done = subprocess.run(
        container.command("server", "serve"),
        env=container.environment(**{variable: value}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert f"{variable}: " in done.stderr
