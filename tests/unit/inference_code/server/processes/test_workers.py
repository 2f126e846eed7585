"""The server's processes: real ones, that are killed, hang, and are told to end."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

WHO = """
import json, os, pathlib, threading, time
import numpy
LOADED, DRAWN = [], []
def model_fn(model_dir):
    LOADED.append(os.getpid())
    return pathlib.Path(model_dir)
def input_fn(body, content_type):
    data = json.loads(body)["instances"]
    while data == ["hang while reading"]:
        time.sleep(0.01)
    return data
def predict_fn(data, model):
    if data == ["die"]:
        os._exit(9)
    if data == ["hang"]:
        while not (model / "go").exists():
            time.sleep(0.01)
    if not DRAWN:
        DRAWN.append(numpy.random.random())
    return [{"pid": os.getpid(), "loaded_by": LOADED[0], "drawn": DRAWN[0]}]
"""
THREADED = WHO.replace(
    "    LOADED", "    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n    LOADED", 1
)


def start_two(make_container, start, code=WHO, **variables):
    container = make_container().with_code({"inference.py": code})
    server = start(container, SAGEMAKER_MODEL_SERVER_WORKERS="2", **variables)
    server.wait_until(lambda: server.log.count(" answers") == 2)
    return server


def who(server) -> dict[str, int]:
    return server.invoke({"instances": ["who"]}).json["predictions"][0]


def workers(server) -> set[int]:
    found: set[int] = set()
    server.wait_until(lambda: found.add(who(server)["pid"]) or len(found) == 2)
    return found


@pytest.fixture(scope="module")
def two(make_container, start):
    return start_two(make_container, start)


def test_the_model_is_loaded_once_for_all_workers(two):
    assert two.process.pid not in workers(two)
    assert who(two)["loaded_by"] == two.process.pid


def test_workers_do_not_draw_the_same_random_numbers(two):
    drawn: set[float] = set()
    two.wait_until(lambda: drawn.add(who(two)["drawn"]) or len(drawn) == 2)


def test_a_worker_that_died_is_replaced_and_the_others_go_on(two):
    before = workers(two)
    with pytest.raises(ConnectionError):
        two.invoke({"instances": ["die"]})
    assert who(two)["pid"] in before
    assert len(before & workers(two)) == 1
    metrics = two.request("GET", "/metrics").body.decode()
    assert "model_server_worker_restarts_total 1" in metrics
    assert "ended with 9; it is replaced" in two.log


def test_a_model_with_threads_is_not_forked_but_loaded_by_each_worker(make_container, start):
    server = start_two(make_container, start, THREADED)
    assert "each of 2 workers loads its own" in server.log
    found = who(server)
    assert found["pid"] == found["loaded_by"] != server.process.pid
    assert server.stop() == 0


@pytest.mark.parametrize("where", ["hang", "hang while reading"])
def test_a_model_that_hangs_is_answered_for_and_its_worker_replaced(make_container, start, where):
    container = make_container().with_code({"inference.py": WHO})
    limits = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "1"}
    server = start(container, **limits)
    answer = server.invoke({"instances": [where]})  # nobody knows yet how long it takes, so it is in a thread
    assert (answer.status, "1 seconds" in answer.error["message"]) == (504, True)
    server.wait_until(lambda: "is replaced" in server.log and server.ping() == 200)
    assert who(server)["pid"]
    assert server.stop() == 0


def test_when_the_supervisor_is_killed_its_workers_end(make_container, start):
    server = start_two(make_container, start)
    found = workers(server)
    server.process.kill()
    server.process.wait(timeout=60)
    for pid in found:
        wait_for_end(pid)


def wait_for_end(pid: int) -> None:
    """Of a process that is not our child."""
    deadline = time.monotonic() + 30
    while is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_inference_id_and_request_id_are_given_back_and_logged_with_what_is_refused(two):
    ids = {"X-Amzn-SageMaker-Inference-Id": "order-7", "X-Request-Id": "abc-1"}
    answer = two.request("POST", "/invocations", b"[", ids)
    assert answer.headers["x-amzn-sagemaker-inference-id"] == "order-7"
    assert "400 after" in two.log
    assert "abc-1 order-7" in two.log
    assert two.request("POST", "/invocations", b'{"instances": []}', ids).headers["x-request-id"] == "abc-1"


def test_sigterm_ends_all(two):
    two.process.send_signal(signal.SIGTERM)
    assert two.process.wait(timeout=60) == 0
    assert '"CloudWatchMetrics"' in two.log
