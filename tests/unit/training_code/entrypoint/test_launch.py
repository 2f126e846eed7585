"""Plain Python for one process, torchrun for several."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from driver import environment, launch
from driver.job import Job, Layout


def job(hosts: tuple[str, ...], current: str) -> Job:
    return Job(Layout(Path("/opt/ml")), {}, (), hosts, current, "eth0")


def command(hosts: tuple[str, ...] = ("algo-1",), current: str = "algo-1", *, gpus: int = 0, name: str = "job"):
    return launch.command(Path("/c/train.py"), ["--x", "1"], job(hosts, current), gpus=gpus, job_name=name)


@pytest.mark.parametrize("gpus", [0, 1])
def test_one_device_on_one_host_is_plain_python(gpus):
    assert command(gpus=gpus) == [sys.executable, "-u", "/c/train.py", "--x", "1"]


def test_several_devices_get_a_process_each():
    assert command(gpus=4)[1:] == [
        "-u", "-m", "torch.distributed.run", "--nproc-per-node=4", "--standalone", "/c/train.py", "--x", "1",
    ]  # fmt: skip


def test_all_hosts_of_a_job_meet_at_the_first_one():
    commands = [command(("algo-1", "algo-2"), host) for host in ("algo-1", "algo-2")]
    assert [next(word for word in words if "rank" in word) for words in commands] == ["--node-rank=0", "--node-rank=1"]
    meeting = [[word for word in words if word.startswith("--master")] for words in commands]
    assert meeting[0] == meeting[1]
    assert "--master-addr=algo-1" in meeting[0]


def test_jobs_on_one_machine_meet_at_ports_of_their_own():
    assert command(("a", "b"), "a", name="job-1") != command(("a", "b"), "a", name="job-2")


def test_only_numbered_devices_are_gpus(tmp_path):
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    assert environment.count_gpus(tmp_path) == 2
