"""SageMaker's contract of multi-model containers."""

from __future__ import annotations

import json
import os
import signal
import threading

import pytest

CODE = """
import pathlib, time
def model_fn(model_dir):
    name = (pathlib.Path(model_dir) / "name.txt").read_text()
    if name == "huge":
        raise MemoryError
    if name == "exit":
        raise SystemExit(3)
    if name == "broken":
        raise RuntimeError("no weights")
    return name, pathlib.Path(model_dir)
def predict_fn(data, model):
    if data == ["hang"]:
        (model[1] / "hanging").touch()
        while True:
            time.sleep(0.01)
    if data == ["wait"]:
        (model[1] / "started").touch()
        while not (model[1] / "go").exists():
            time.sleep(0.005)
    return [model[0] for _ in data]
"""


@pytest.fixture(scope="module")
def container(make_container):
    container = make_container().with_code({"inference.py": CODE})
    for name in ("a", "b", "huge", "broken", "exit"):
        folder = container.ml / "models" / name / "model"
        folder.mkdir(parents=True)
        (folder / "name.txt").write_text(name)
    return container


@pytest.fixture
def server(container, start):
    server = start(container, SAGEMAKER_MULTI_MODEL="true")
    yield server
    server.stop()


def load(server, name: str, url: str | None = None):
    document = {"model_name": name, "url": url or f"/opt/ml/models/{name}/model"}
    return server.request("POST", "/models", json.dumps(document))


def invoke(server, name: str, instance: str = "x"):
    return server.request("POST", f"/models/{name}/invoke", json.dumps({"instances": [instance]}))


def test_models_come_and_go(server):
    assert server.request("GET", "/models").json == {"models": []}
    assert load(server, "a").status == load(server, "b").status == 200
    one = {"modelName": "a", "modelUrl": "/opt/ml/models/a/model"}
    assert server.request("GET", "/models/a").json == one
    assert one in server.request("GET", "/models").json["models"]
    assert invoke(server, "a").json == {"predictions": ["a"]}
    assert invoke(server, "b").json == {"predictions": ["b"]}
    assert load(server, "a").status == 409
    assert server.request("DELETE", "/models/a").status == 200
    assert [invoke(server, "a").status, server.request("GET", "/models/a").status] == [404, 404]
    assert server.request("DELETE", "/models/a").status == 404
    assert invoke(server, "b").status == load(server, "a").status == 200


@pytest.mark.parametrize(
    ("name", "url", "status", "told"),
    [
        ("huge", None, 507, "no memory"),
        ("broken", None, 500, "the log says why"),
        ("exit", None, 500, "the log says why"),
        ("c", "/opt/ml/\0", 400, "no folder below /opt/ml"),
        ("c", "/opt/ml/" + "c" * 300, 400, "no folder below /opt/ml"),
        ("c", "/opt/ml/models/c/model", 400, "no folder below /opt/ml"),
        ("c", "/etc", 400, "no folder below /opt/ml"),
        ("c", "/opt/ml/../../../../../../../etc", 400, "no folder below /opt/ml"),
        ("../c", "/opt/ml/models/a/model", 400, "model_name"),
    ],
)
def test_what_cannot_be_loaded_is_told(module_server, name, url, status, told):
    answer = load(module_server, name, url)
    assert (answer.status, told in answer.error["message"]) == (status, True)
    assert module_server.request("GET", "/models").json == {"models": []}


@pytest.fixture(scope="module")
def module_server(container, start):
    return start(container, SAGEMAKER_MULTI_MODEL="true")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/invocations", 404),
        ("PUT", "/models", 405),
        ("GET", "/models/a/invoke", 405),
        ("GET", "/models/a/b/c", 404),
    ],
)
def test_other_paths_and_methods(module_server, method, path, status):
    assert module_server.request(method, path, b"{}").status == status


def test_a_model_that_is_unloaded_answers_what_it_was_asked_before(container, server):
    load(server, "a")
    load(server, "b")
    answers: list = []
    thread = threading.Thread(target=lambda: answers.append(invoke(server, "a", "wait")))
    thread.start()
    server.wait_until((container.ml / "models/a/model/started").exists)
    assert invoke(server, "b").status == 200  # one model does not wait for another
    assert server.request("DELETE", "/models/a").status == 200
    (container.ml / "models/a/model/go").touch()
    thread.join(timeout=60)
    assert [answer.json for answer in answers] == [{"predictions": ["a"]}]


def test_a_model_that_hangs_is_noticed_though_it_was_unloaded(container, start):
    server = start(container, SAGEMAKER_MULTI_MODEL="true", SAGEMAKER_MODEL_SERVER_TIMEOUT="1")
    load(server, "b")
    answers: list = []
    thread = threading.Thread(target=lambda: answers.append(invoke(server, "b", "hang")))
    thread.start()
    server.wait_until((container.ml / "models/b/model/hanging").exists)
    assert server.request("DELETE", "/models/b").status == 200
    thread.join(timeout=60)
    assert [answer.status for answer in answers] == [504]
    assert server.process.wait(timeout=60) == 1


def test_a_worker_that_is_lost_takes_its_models_with_it_so_the_server_ends(container, start):
    server = start(container, SAGEMAKER_MULTI_MODEL="true")
    pid = next(int(line.split()[-2]) for line in server.log.splitlines() if line.endswith(" answers"))

    os.kill(pid, signal.SIGKILL)
    assert server.process.wait(timeout=60) == 1
