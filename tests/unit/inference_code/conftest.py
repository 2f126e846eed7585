"""Serving containers: the image's folders as the Dockerfile lays them out, and real server processes in them."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.container_python import ROOT, container_environment, serving_python, training_python

INFERENCE_CODE, TRAINING_CODE = ROOT / "inference_code", ROOT / "training_code"
WORKLOAD = "mnist_lightning"
START_LIMIT_SECONDS = 60


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, str]:
        return self.json["error"]


class Container:
    """One image on disk: <folder>/slipway/{server,inference}, and <folder>/ml."""

    def __init__(self, folder: Path, python: Path) -> None:
        self.ml = folder / "ml"
        self.image = folder / "slipway"
        self.inference = self.image / "inference"
        self._python = python
        (self.ml / "model").mkdir(parents=True)
        shutil.copytree(INFERENCE_CODE / "server", self.image / "server", ignore=shutil.ignore_patterns("__pycache__"))

    def with_code(self, files: Mapping[str, str]) -> Container:
        self.inference.mkdir()
        for name, text in files.items():
            (self.inference / name).write_text(text)
        return self

    def with_workload(self, name: str) -> Container:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(INFERENCE_CODE / name, self.inference, ignore=ignore)
        shared = TRAINING_CODE / name / "shared"
        if shared.is_dir():
            shutil.copytree(shared, self.inference / "shared", ignore=ignore)
        return self

    def command(self, *arguments: str) -> list[str]:
        return [str(self._python), "-m", *arguments]

    def environment(self, **variables: str) -> dict[str, str]:
        image = {"PYTHONPATH": str(self.image), "PYTHONUNBUFFERED": "1", "SLIPWAY_ML_ROOT": str(self.ml)}
        return container_environment() | image | variables

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), env=self.environment(), capture_output=True, text=True, timeout=120
        )


class Server:
    """A running `python -m server serve`."""

    def __init__(self, container: Container, **variables: str) -> None:
        self.port = _free_port()
        self.log_file = container.image.parent / "server.log"
        places = {"SAGEMAKER_BIND_TO_PORT": str(self.port), "SLIPWAY_BIND_ADDRESS": "127.0.0.1"}
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                container.command("server", "serve"),
                env=container.environment(**places, **variables),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, timeout: float = 60
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            content = response.read()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, content)
        finally:
            connection.close()

    def ping(self) -> int | None:
        """The status, or None while nobody listens."""
        try:
            return self.request("GET", "/ping").status
        except ConnectionError:
            return None

    def invoke(self, body: bytes | str | object, **headers: str) -> Answer:
        content = body if isinstance(body, bytes | str) else json.dumps(body)
        sent = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("POST", "/invocations", content, sent)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_LIMIT_SECONDS
        while not condition():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


@pytest.fixture(scope="session")
def make_container(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Container]:
    """`make_container("mnist_lightning")` -> a container of that workload's image, or one with `python`; its code is
    still to be chosen.
    """

    def make(workload: str = WORKLOAD, *, python: Path | None = None) -> Container:
        return Container(tmp_path_factory.mktemp("container"), python or serving_python(workload))

    return make


@pytest.fixture(scope="module")
def start(make_container: Callable[[], Container]) -> Iterator[Callable[..., Server]]:
    """`start(container)` -> a server that answers; with `ready=False` it may still be loading."""
    started: list[Server] = []

    def _start(container: Container, *, ready: bool = True, **variables: str) -> Server:
        server = Server(container, **variables)
        started.append(server)
        if ready:
            server.wait_until(lambda: server.ping() == 200)
        return server

    yield _start
    for server in started:
        server.process.kill()
        server.process.wait(timeout=60)


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits")
    command = [sys.executable, ROOT / f"training_code/{WORKLOAD}/sample_data.py", folder]
    subprocess.run(command, check=True, timeout=120, env=container_environment())
    return folder


@pytest.fixture(scope="session")
def digits_model(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that the workload's own training script has trained."""
    folder = tmp_path_factory.mktemp("model")
    script = ROOT / f"training_code/{WORKLOAD}/train.py"
    folders = ["--train", digits, "--test", digits, "--model-dir", folder]
    command = [training_python(WORKLOAD), script, *folders, "--epochs", "4"]
    subprocess.run(command, check=True, timeout=400, env=container_environment(), stdout=subprocess.DEVNULL)
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
