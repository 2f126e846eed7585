"""The image's `serve` over HTTP, with a model written by hand."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.container_python import ROOT, container_environment

SERVE = ROOT / "inference_code/iris_byoc/serve"
MODEL = {
    "features": ["length", "width"], "classes": ["short", "long"], "rows": 9,
    "mean": [10, 0], "scale": [2, 1], "weights": [[-1, 1], [0, 0]], "bias": [0, 0],
}  # fmt: skip


class Server:
    def __init__(self, root: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        own = {"SAGEMAKER_BIND_TO_PORT": str(self.port), "SLIPWAY_BIND_ADDRESS": "127.0.0.1"}
        own |= {"SLIPWAY_ML_ROOT": str(root), "SLIPWAY_MODEL_VERSION": "7"}
        self.process = subprocess.Popen([sys.executable, SERVE], env=container_environment() | own)

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, sent)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()

    def invoke(self, body: str, content_type: str = "text/csv", **headers: str) -> tuple[int, dict[str, str], bytes]:
        return self.ask("/invocations", body.encode(), content_type=content_type, **headers)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("ml")
    (root / "model").mkdir()
    (root / "model/model.json").write_text(json.dumps(MODEL))
    server = Server(root)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if server.ask("/ping")[0] == 200:
                break
        except OSError:
            time.sleep(0.05)
    yield server
    server.process.kill()
    server.process.wait()


@pytest.mark.parametrize(
    "body", ["8,1\n12,1\n", "width,Id,length\n1,1,8\n1,2,12", "length,width\r\n8,1\r\n12,1\r\n"]
)  # fmt: skip
def test_csv_with_and_without_a_header_line(server: Server, body: str) -> None:
    status, headers, answer = server.invoke(body, accept="text/csv")
    assert (status, answer) == (200, b"short\nlong\n")
    assert headers["Content-Type"].startswith("text/csv")
    assert headers["X-Amzn-SageMaker-Custom-Attributes"] == "model_version=7"


@pytest.mark.parametrize("instances", [[[8, 1], [12, 1]], [{"length": 8, "width": 1}, {"width": 1, "length": 12}]])
def test_json_rows_as_lists_and_as_objects(server: Server, instances: list) -> None:
    status, _, answer = server.invoke(json.dumps({"instances": instances}), "application/json")
    assert (status, json.loads(answer)) == (200, {"predictions": ["short", "long"]})


@pytest.mark.parametrize(
    ("content_type", "body", "status", "message"),
    [
        ("text/csv", "8,1\n9,x\n", 400, "row 2, width: 'x' is not a finite number"),
        ("text/csv", "8,1,3\n", 400, "row 1: 3 columns: expected 2: length, width"),
        ("text/csv", "", 400, "the request has no rows"),
        ("text/csv", "inf,1\n", 400, "is not a finite number"),
        ("application/json", '{"instances": [[1, true]]}', 400, "instances[0], width: 'True' is not a finite number"),
        ("application/json", '{"instances": [{"length": 1}]}', 400, "instances[0], width"),
        ("application/json", '{"instances": [[1]]}', 400, "instances[0]: expected 2 numbers: length, width"),
        ("application/json", "[1]", 400, 'expected {"instances": [...]}'),
        ("application/json", "{", 400, "the body is not JSON"),
        ("application/x-npy", "x", 415, "application/x-npy is not read here"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    server: Server, content_type: str, body: str, status: int, message: str
) -> None:
    found, _, answer = server.invoke(body, content_type)
    assert found == status
    assert message in json.loads(answer)["error"]["message"]


def test_unknown_paths_are_not_found(server: Server) -> None:
    assert server.ask("/elsewhere")[0] == 404
    assert server.ask("/elsewhere", b"x")[0] == 404


@pytest.mark.parametrize(
    "change", [{"bias": [0]}, {"weights": [[1, 2]]}, {"mean": [None, 1]}, {"scale": ["x", 1]}, {"classes": 3}]
)
def test_a_damaged_model_is_refused_with_its_place(tmp_path: Path, change: dict) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/model.json").write_text(json.dumps(MODEL | change))
    done = subprocess.run(
        [sys.executable, SERVE],
        env=container_environment() | {"SLIPWAY_ML_ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode != 0
    assert "InvalidModel: model.json" in done.stderr


def test_sigterm_ends_it_quietly(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/model.json").write_text(json.dumps(MODEL))
    server = Server(tmp_path)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            server.ask("/ping")
            break
        except OSError:
            time.sleep(0.05)
    os.kill(server.process.pid, signal.SIGTERM)
    assert server.process.wait(timeout=30) == 0
