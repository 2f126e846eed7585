"""Models leave the deployed stack as files, and come back."""

from __future__ import annotations

import tarfile

import pytest


@pytest.fixture(scope="module")
def digit_model(slipway, digits):
    return slipway.json("train", "mnist_lightning", "--data", str(digits), "--json")


def test_the_model_that_serves_is_exported_in_the_formats_that_its_workload_gives(slipway, digit_model, tmp_path):
    version = digit_model["model_version"]
    for kind, suffix, begins in (("onnx", ".onnx", b"\x08"), ("artifact", ".tar.gz", b"\x1f\x8b")):
        printed = slipway.run("export", "mnist_lightning", "--format", kind, "--out", str(tmp_path)).stdout.strip()
        assert printed == str(tmp_path / f"mnist_lightning-v{version}{suffix}")
        assert (tmp_path / f"mnist_lightning-v{version}{suffix}").read_bytes().startswith(begins)
    with tarfile.open(tmp_path / f"mnist_lightning-v{version}.tar.gz") as archive:
        member = archive.extractfile(next(m for m in archive if m.name.endswith("model.onnx")))
        assert member.read() == (tmp_path / f"mnist_lightning-v{version}.onnx").read_bytes()


def test_what_cannot_be_exported_is_told_and_leaves_no_file(slipway, digit_model, tmp_path):
    def told(*arguments: str) -> str:
        result = slipway.run("export", *arguments, "--out", str(tmp_path), ok=False)
        assert result.returncode == 1
        return result.stderr

    assert "invalid choice: 'keras' (choose from" in told("mnist_lightning", "--format", "keras")
    assert "has no model version 77" in told("mnist_lightning", "--format", "onnx", "--version", "77")
    assert list(tmp_path.iterdir()) == []
