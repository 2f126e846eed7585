"""Two hosts: the driver starts torchrun, and the workload trains as one."""

from __future__ import annotations

import shutil
import sys

import pytest

from tests.support.container_python import ROOT

WORKLOAD = ROOT / "training_code/mnist_lightning"
HOSTS = ("127.0.0.1", "127.0.0.2")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the loopback interface is not named lo")
def test_two_hosts_train_one_model(make_container, container_python, digits):
    code = {str(path.relative_to(WORKLOAD)): path.read_text() for path in WORKLOAD.rglob("*.py")}
    containers = []
    for host in HOSTS:
        container = make_container(host)
        container.configure({"epochs": "1"}, channels=("train", "test"), hosts=HOSTS, current_host=host)
        for channel in ("train", "test"):
            shutil.copytree(digits, container.root / "input/data" / channel, dirs_exist_ok=True)
        container.code(code)
        containers.append(container)
    processes = [container.start(python=container_python, TRAINING_JOB_NAME="two-hosts") for container in containers]
    try:
        outputs = [process.communicate(timeout=300) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert "devices=2" in outputs[0][0]
    written = [sorted(path.name for path in container.root.glob("model/*")) for container in containers]
    assert written == [["config.json", "model.onnx", "model.safetensors"], []]
