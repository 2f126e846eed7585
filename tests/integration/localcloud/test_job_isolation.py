"""What separates a job from the machine, and what a job is told where the machine cannot."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.containers import isolation
from localcloud.containers.network import NOT_ISOLATED, NetworkUnavailable, PrivateNetwork
from tests.integration.localcloud.test_jobs import Jobs, jobs, tiny_image
from tests.support.embedded_cloud import ROOT, EmbeddedCloud, free_port

__all__ = ["jobs"]  # the fixture

TWO = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}


def _machine_isolates_networks() -> bool:
    try:
        PrivateNetwork(isolation.detect()).close()
    except NetworkUnavailable:
        return False
    return True


@pytest.mark.skipif(not _machine_isolates_networks(), reason="this machine forbids network namespaces")
def test_an_isolated_job_reaches_its_own_instances_and_nothing_else(jobs: Jobs) -> None:
    script = f"""
import json, os, pathlib, socket, time
resources = json.loads(pathlib.Path("/opt/ml/input/config/resourceconfig.json").read_text())
me, (first, second) = resources["current_host"], resources["hosts"]
try:
    socket.create_connection(("127.0.0.1", {jobs.cloud.port}), 5)
    reached = True
except OSError:
    reached = False
if me == first:
    peer = socket.create_server((first, 5000)).accept()[0]
    heard = peer.recv(5).decode()
else:
    for attempt in range(400):
        try:
            peer = socket.create_connection((first, 5000), 5)
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    peer.sendall(b"hello")
    heard = None
credentials = sorted(name for name in os.environ if name.startswith("AWS_"))
pathlib.Path(f"/opt/ml/model/{{me}}").write_text(json.dumps([reached, heard, credentials]))
"""
    job = jobs.trained(jobs.train(script, EnableNetworkIsolation=True, ResourceConfig=TWO))
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    model = jobs.model(job)
    assert {name: json.loads(seen) for name, seen in model.items()} == {
        "algo-1": [False, "hello", []],
        "algo-2": [False, None, []],
    }


def _forbid_namespaces(*command: str) -> list[str]:
    """The command in a user namespace whose own limits forbid mount namespaces, as a hardened machine does."""
    script = 'echo 0 > /proc/sys/user/max_mnt_namespaces && exec "$@"'
    return ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh", *command]


def _can_forbid() -> bool:
    if not sys.platform.startswith("linux") or shutil.which("unshare") is None:
        return False
    return subprocess.run(_forbid_namespaces("true"), capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def confined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    """Jobs of an embedded cloud on a machine that forbids mount namespaces."""
    if not _can_forbid():
        pytest.skip("a machine without namespaces cannot be had here")
    state = tmp_path_factory.mktemp("confined")
    command = [sys.executable, "-m", "localcloud", "start", "--state", str(state), "--port", str(free_port())]
    done = subprocess.run(
        _forbid_namespaces(*command), cwd=ROOT, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    printed.pop("state")
    port = int(printed["endpoint_url"].rpartition(":")[2])
    cloud = EmbeddedCloud(state_dir=state, port=port, **printed)
    yield Jobs(cloud, tiny_image(cloud, tmp_path_factory.mktemp("image")))
    cloud.stop()
    shutil.rmtree(state, ignore_errors=True)


def test_without_namespaces_paths_are_mapped(confined: Jobs) -> None:
    script = """
import os, pathlib
root = pathlib.Path(os.environ["SLIPWAY_ML_ROOT"])
assert str(root) != "/opt/ml" and os.environ["MODEL"] == str(root / "model")
(root / "model/seen").write_text(pathlib.Path(__file__).name)
"""
    job = confined.trained(confined.train(script, Environment={"MODEL": "/opt/ml/model"}))
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert confined.model(job) == {"seen": b"main.py"}


def test_without_namespaces_an_image_that_hard_codes_its_paths_fails_with_what_to_enable(confined: Jobs) -> None:
    assert not Path("/opt/ml/input").exists(), "this test needs a machine whose own /opt/ml is empty"
    job = confined.trained(confined.train("print(open('/opt/ml/input/config/hyperparameters.json').read())"))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: This machine forbids mount namespaces")
    for remedy in (
        "run as root",
        "kernel.unprivileged_userns_clone=1",
        "kernel.apparmor_restrict_unprivileged_userns=0",
    ):
        assert remedy in job["FailureReason"]


def test_without_namespaces_a_job_that_asks_for_isolation_is_told(confined: Jobs) -> None:
    name = confined.train("print('up')", EnableNetworkIsolation=True)
    job = confined.trained(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    training = next(step for step in job["SecondaryStatusTransitions"] if step["Status"] == "Training")
    assert training["StatusMessage"].endswith(NOT_ISOLATED)
    (lines,) = confined.lines("/aws/sagemaker/TrainingJobs", name).values()
    assert any(line.startswith(NOT_ISOLATED) for line in lines)
    assert lines[-1] == "up"
