"""Whatever dies, nothing that it started lives on."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from localcloud import lifecycle
from tests.integration.localcloud.test_gateway_lifecycle import SLEEPER, function, zipped
from tests.support.embedded_cloud import EmbeddedCloud, eventually
from tests.support.hosting import Hosting, build_server

pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="needs Linux: processes are found by /proc")

WORKER = """
import os, pathlib, time
def handler(event, context):
    if event:
        pathlib.Path(event).write_text("")
        time.sleep(25)
    return os.getpid()
"""
Start = Callable[..., EmbeddedCloud]


def status_of(pid: int) -> list[str]:
    """The fields behind the command; the first is the state, the second the parent."""
    return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()


def of_cloud(cloud: EmbeddedCloud) -> set[int]:
    """The two guardians, the server, and all that descends from it."""
    found = {*guardians(cloud), cloud.pid}
    grown = True
    while grown:
        children = {pid for pid, parent in parents().items() if parent in found}
        grown = not children <= found
        found |= children
    return found


def parents() -> dict[int, int]:
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found[int(folder.name)] = int(status_of(int(folder.name))[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def guardians(cloud: EmbeddedCloud) -> tuple[int, int]:
    """The outer one and the one that is the server's parent."""
    inner = int(status_of(cloud.pid)[1])
    return int(status_of(inner)[1]), inner


def lives(pid: int) -> bool:
    try:
        return status_of(pid)[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def busy(cloud: EmbeddedCloud, context: Path) -> set[int]:
    """Lets a function with a child, an endpoint and its server run; returns all processes of the cloud."""
    build_server(cloud, context)
    hosting = Hosting(cloud)
    name = hosting.endpoint(hosting.config(hosting.model_data("m")))
    assert hosting.settled(name)["EndpointStatus"] == "InService"
    sleeper = function(cloud, zipped(SLEEPER))
    started = json.load(cloud.client("lambda").invoke(FunctionName=sleeper)["Payload"])
    processes = of_cloud(cloud)
    assert set(started.values()) <= processes
    assert len(processes) >= 7, "guardians, server, launcher, model server, function, its child"
    return processes


@pytest.mark.parametrize("victims", [["server"], ["inner"], ["inner", "server"], ["outer", "server"]])
def test_nothing_outlives_the_server_or_its_guardians(started: Start, tmp_path: Path, victims: list[str]) -> None:
    cloud = started()
    (tmp_path / "image").mkdir()
    processes = busy(cloud, tmp_path / "image")
    outer, inner = guardians(cloud)
    pids = {"server": cloud.pid, "inner": inner, "outer": outer}
    for victim in victims:
        os.kill(pids[victim], signal.SIGKILL)
    eventually(lambda: not any(map(lives, processes)))
    lifecycle.bind(cloud.port).close()


def test_an_invocation_whose_worker_is_killed_fails_and_the_next_one_works(started: Start, tmp_path: Path) -> None:
    cloud, entered = started(), tmp_path / "entered"
    name = function(cloud, zipped(WORKER))
    invoke = cloud.client("lambda").invoke
    worker = json.load(invoke(FunctionName=name, Payload='""')["Payload"])
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(invoke, FunctionName=name, Payload=json.dumps(str(entered)))
        eventually(entered.exists)
        os.kill(worker, signal.SIGKILL)
        assert hanging.result(30).get("FunctionError")
    assert json.load(invoke(FunctionName=name, Payload='""')["Payload"]) != worker
    assert not lives(worker)
