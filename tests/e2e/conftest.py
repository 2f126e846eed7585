"""One deployed stack for the end-to-end tests: a copy of the project with a second workload added."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import pytest

ROOT = Path(__file__).resolve().parents[2]
SECOND_WORKLOAD = Path(__file__).parent / "workloads"
PARTS = ("app.py", "cdk.json", "cli", "infra", "inference_code", "lambdas", "localcloud", "notebooks", "training_code")
COMMAND_LIMIT_SECONDS = 560
WORKLOADS = ("mnist_lightning", "nearest_mean")
"""What the tests of the stack itself use; the others are deployed by the fixture `row`."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer of the API: status, body (a document where it is JSON), headers with lower-case names."""

    status: int
    body: Any
    headers: dict[str, str]


class Slipway:
    """The command line in a copy of the project, and clients of the cloud that it deployed to."""

    def __init__(self, project: Path, port: int) -> None:
        self.project = project
        self.port = port

    def run(self, *arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `slipway ARGUMENTS`; with `ok` a non-zero exit fails the test with what was printed."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        result = subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=self.project,
            env=environment | {"SLIPWAY_PORT": str(self.port), "COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT_SECONDS,
            check=False,
        )
        if ok:
            assert result.returncode == 0, f"slipway {' '.join(arguments)}\n{result.stdout}\n{result.stderr}"
        return result

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments).stdout)

    @cached_property
    def cloud(self) -> dict[str, str]:
        """What `python -m localcloud status` says of the running embedded cloud."""
        result = subprocess.run(
            [sys.executable, "-m", "localcloud", "status"],
            cwd=self.project,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return json.loads(result.stdout.splitlines()[-1])

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.cloud["endpoint_url"],
            region_name=self.cloud["region"],
            aws_access_key_id=self.cloud["access_key_id"],
            aws_secret_access_key=self.cloud["secret_access_key"],
        )

    def descriptor(self, workload: str) -> dict[str, Any]:
        parameter = self.client("ssm").get_parameter(Name=f"/slipway/dev/workloads/{workload}")
        return json.loads(parameter["Parameter"]["Value"])

    @cached_property
    def api(self) -> tuple[str, str]:
        """The API's address and key."""
        return self.json("status", "--json")["api_url"], self.run("api-key").stdout.strip()

    def request(self, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """A real HTTP request to the deployed API, with its key unless `x_api_key=""` is given."""
        url, key = self.api
        sent = {"x-api-key": key, "content-type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(url + path, data=body, headers={k: v for k, v in sent.items() if v})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return _answer(response)
        except urllib.error.HTTPError as error:
            return _answer(error)

    def predict(self, workload: str, document: Any, **headers: str) -> Answer:
        return self.request(f"/workloads/{workload}/predictions", json.dumps(document).encode(), **headers)

    def executions(self, workload: str) -> list[dict[str, Any]]:
        machine = self.descriptor(workload)["train_state_machine_arn"]
        return self.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]


class Row:
    """One workload on the deployed stack, as a person uses it: sample data, `slipway train`, `slipway predict`."""

    def __init__(self, slipway: Slipway, workload: str, folder: Path) -> None:
        self.slipway = slipway
        self.workload = workload
        self._folder = folder

    @cached_property
    def data(self) -> Path:
        """The workload's sample data."""
        folder = self._folder / "data"
        self.slipway.run("sample-data", self.workload, str(folder))
        return folder

    def train(self, data: Path | None = None, **hyperparameters: object) -> dict[str, Any]:
        """What `slipway train --json` says of the run, which ended with its model in service."""
        settings = [word for name, value in hyperparameters.items() for word in ("--set", f"{name}={value}")]
        return self.slipway.json("train", self.workload, "--data", str(data or self.data), *settings, "--json")

    @property
    def sample_request(self) -> bytes:
        return (self.slipway.project / "inference_code" / self.workload / "sample_request.json").read_bytes()

    def predict(self, body: bytes, content_type: str = "application/json") -> dict[str, Any]:
        """The API's answer to `slipway predict` with this body."""
        path = self._folder / "request"
        path.write_bytes(body)
        return self.slipway.json("predict", self.workload, str(path), "--content-type", content_type)


def _answer(response: Any) -> Answer:
    body = response.read()
    headers = {name.lower(): value for name, value in response.headers.items()}
    is_json = headers["content-type"] == "application/json"
    return Answer(response.status, json.loads(body) if is_json else body, headers)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project to which the second workload's two folders were added, and nothing else."""
    copy = tmp_path_factory.mktemp("project")
    for part in PARTS:
        source = ROOT / part
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, copy / part, ignore=ignore) if source.is_dir() else shutil.copy(source, copy / part)
    (copy / "node_modules").symlink_to(ROOT / "node_modules")
    shutil.copytree(SECOND_WORKLOAD, copy, dirs_exist_ok=True)
    return copy


@pytest.fixture(scope="session")
def slipway(project: Path):
    """The embedded cloud with the workloads that most tests use deployed. Whatever a test leaves behind, it is stopped
    at the end.
    """
    deployed = Slipway(project, free_port())
    try:
        deployed.run("up", *WORKLOADS)
        yield deployed
    finally:
        deployed.run("down", ok=False)


@pytest.fixture(scope="session")
def row(slipway: Slipway, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Row]:
    """`row("housing_sklearn")` -> that workload, deployed to the same embedded cloud when it is first asked for."""
    rows: dict[str, Row] = {}

    def deployed(workload: str) -> Row:
        if workload not in rows:
            slipway.run("up", workload)
            rows[workload] = Row(slipway, workload, tmp_path_factory.mktemp(workload))
        return rows[workload]

    return deployed


@pytest.fixture(scope="session")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of the second workload: numbers around 0 are `low`, around 10 `high`."""
    folder = tmp_path_factory.mktemp("numbers")
    for name, size in (("train.csv", 40), ("test.csv", 20)):
        rows = [f"{value / size},low\n{10 + value / size},high\n" for value in range(size)]
        (folder / name).write_text("".join(rows))
    return folder


@pytest.fixture(scope="session")
def digits(slipway: Slipway, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """scikit-learn's handwritten digits as MNIST's four files, made by the workload's own script."""
    folder = tmp_path_factory.mktemp("digits")
    slipway.run("sample-data", "mnist_lightning", str(folder))
    return folder


_ORDER = {"test_loop.py": -1, "test_operations.py": 1}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs a stack that nobody has used yet runs first; what removes it, last."""
    here = Path(__file__).parent
    items.sort(key=lambda item: _ORDER.get(item.path.name, 0) if item.path.parent == here else 0)
