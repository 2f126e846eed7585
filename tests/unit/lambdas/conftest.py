"""Handlers run as Lambda runs them: environment variables, an event, a context, and boto3 clients that reach a
loopback server.
"""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from shared.clients import client

from tests.support.loopback_aws import LoopbackAws, ServiceError, serve

EVENTS = Path(__file__).parents[2] / "events"
WORKLOADS_PATH = "/slipway/dev/workloads"


def _parameter_store(aws: LoopbackAws) -> dict[str, dict[str, Any]]:
    """Serves descriptors over SSM's GetParameter and GetParametersByPath (two a page); returns name -> descriptor."""
    stored: dict[str, dict[str, Any]] = {}

    def shown(name: str) -> dict[str, Any]:
        return {"Name": name, "Type": "String", "Value": json.dumps(stored[name])}

    def get(parameters: dict[str, Any]) -> dict[str, Any]:
        if parameters["Name"] not in stored:
            raise ServiceError("ParameterNotFound", "")
        return {"Parameter": shown(parameters["Name"])}

    def by_path(parameters: dict[str, Any]) -> dict[str, Any]:
        names = [name for name in stored if name.startswith(f"{parameters['Path']}/")]
        start = int(parameters.get("NextToken", 0))
        page = {"Parameters": [shown(name) for name in names[start : start + 2]]}
        return {**page, "NextToken": str(start + 2)} if start + 2 < len(names) else page

    aws.operations["AmazonSSM.GetParameter"] = get
    aws.operations["AmazonSSM.GetParametersByPath"] = by_path
    return stored


@pytest.fixture
def load_event() -> Callable[[str], Any]:
    """Reads tests/events/<name>.json, a fresh copy each time."""
    return lambda name: json.loads((EVENTS / f"{name}.json").read_text())


@pytest.fixture
def context() -> SimpleNamespace:
    return SimpleNamespace(aws_request_id="8f5f3c2e-xmpl")


@pytest.fixture
def descriptor(load_event: Callable[[str], Any]) -> dict[str, Any]:
    return load_event("workload_descriptor")


@pytest.fixture(scope="session")
def loopback_session() -> boto3.Session:
    """One for all tests, because a session's first client parses megabytes of service models."""
    return boto3.Session(aws_access_key_id="loopback", aws_secret_access_key="loopback", region_name="eu-central-1")  # noqa: S106 - no secret: the server checks none


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, loopback_session: boto3.Session) -> Iterator[LoopbackAws]:
    """The loopback server, with the environment that sends every client there."""
    with serve() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("SLIPWAY_WORKLOADS_PATH", WORKLOADS_PATH)
        monkeypatch.setenv("REQUESTS_TABLE", "slipway-dev-digits-requests")
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", loopback_session)
        client.cache_clear()
        yield server
        client.cache_clear()


@pytest.fixture
def parameters(aws: LoopbackAws, descriptor: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The descriptors in SSM by parameter name, with that of `digits`; a test may add and change."""
    stored = _parameter_store(aws)
    stored[f"{WORKLOADS_PATH}/digits"] = copy.deepcopy(descriptor)
    return stored
