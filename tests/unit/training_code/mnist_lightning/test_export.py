"""export.py on a trained model: what it writes computes what serving computes."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.container_python import ROOT, container_environment

EXPORT = ROOT / "training_code/mnist_lightning/export.py"
COMPARE = """
import sys
import numpy as np, onnxruntime, torch
program = torch.export.load(sys.argv[1]).module()
session = onnxruntime.InferenceSession(sys.argv[2])
for size in (1, 7):
    images = np.random.default_rng(size).integers(0, 256, (size, 28, 28)).astype(np.float32)
    (expected,) = session.run(["logits"], {"images": images})
    found = program(torch.from_numpy(images)).detach().numpy()
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-4), np.abs(found - expected).max()
"""


@pytest.fixture(scope="module")
def model(train, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    train("--epochs", "1", model_dir=folder)
    return folder


@pytest.fixture
def run(container_python):
    def _run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [container_python, *arguments]
        return subprocess.run(command, env=container_environment(), capture_output=True, text=True, timeout=200)

    return _run


def test_torch_and_onnx_compute_the_same(model, run, tmp_path):
    for kind, name in (("torch", "model.pt2"), ("onnx", "model.onnx")):
        done = run(EXPORT, model, tmp_path / name, "--format", kind)
        assert done.returncode == 0, done.stderr
    done = run("-c", COMPARE, tmp_path / "model.pt2", tmp_path / "model.onnx")
    assert done.returncode == 0, done.stderr


def test_a_format_that_it_cannot_give_is_refused_with_those_it_can(model, run, tmp_path):
    done = run(EXPORT, model, tmp_path / "model.keras", "--format", "keras")
    assert done.returncode == 2
    assert "invalid choice: 'keras' (choose from" in done.stderr
    assert "onnx" in done.stderr and "torch" in done.stderr


def test_a_description_of_an_unknown_network_is_refused(model, run, tmp_path):
    (tmp_path / "config.json").write_text('{"network": "transformer"}')
    done = run(EXPORT, tmp_path, tmp_path / "model.pt2", "--format", "torch")
    assert done.returncode != 0
    assert "config.json: network is 'transformer'; known are mlp, cnn, vgg, resnet" in done.stderr
