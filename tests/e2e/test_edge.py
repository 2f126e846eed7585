"""Models leave the deployed stack as files, and come back."""

from __future__ import annotations

import gzip
import json
import pickle
import shutil
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


def _answers(slipway, digits) -> tuple[str, list]:
    """The version that answers, and what it says of ten digits."""
    pixels = gzip.decompress((digits / "t10k-images-idx3-ubyte.gz").read_bytes())[16 : 16 + 10 * 784]
    rows = [list(pixels[start : start + 28]) for start in range(0, len(pixels), 28)]
    images = [rows[index : index + 28] for index in range(0, len(rows), 28)]
    answer = slipway.predict("mnist_lightning", {"instances": images})
    assert answer.status == 200, answer.body
    return answer.body["model_version"], answer.body["predictions"]


def test_what_was_exported_and_imported_answers_as_before(slipway, digits, digit_model, tmp_path):
    version, before = _answers(slipway, digits)
    slipway.run("export", "mnist_lightning", "--format", "onnx", "--out", str(tmp_path))
    (tmp_path / "model").mkdir()
    shutil.copy(tmp_path / f"mnist_lightning-v{version}.onnx", tmp_path / "model/model.onnx")
    imported = slipway.json("import", "mnist_lightning", str(tmp_path / "model"), "--json")
    assert imported["metrics"]["accuracy"] == digit_model["metrics"]["accuracy"]
    assert _answers(slipway, digits) == (imported["model_version"], before)
    assert imported["model_version"] != version
    package = slipway.client("sagemaker").describe_model_package(ModelPackageName=imported["model_package_arn"])
    told = package["CustomerMetadataProperties"]
    assert told["imported-model"].startswith("imported-")
    assert "code-uri" not in told  # whose code made it is not known here
    jobs = slipway.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
    assert imported["training_job"] not in {job["TrainingJobName"] for job in jobs}


@pytest.fixture(scope="module")
def number_model(slipway, numbers):
    return slipway.json("train", "nearest_mean", "--data", str(numbers), "--json")


def _packed(folder, name: str, content: bytes):
    (folder / name).write_bytes(content)
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        archive.add(folder / name, name)
    return folder / "model.tar.gz"


def test_an_imported_model_that_is_worse_is_rejected_by_the_gate(slipway, number_model, tmp_path):
    archive = _packed(tmp_path, "means.json", json.dumps({"low": 10, "high": 0}).encode())
    refused = slipway.run("import", "nearest_mean", str(archive), ok=False)
    assert refused.returncode == 1
    assert "The gate rejected the model" in refused.stderr
    assert slipway.predict("nearest_mean", {"instances": [0.2]}).body["model_version"] == number_model["model_version"]


class _Touch:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


def test_an_imported_model_that_would_run_code_is_refused_by_name(slipway, number_model, tmp_path):
    archive = _packed(tmp_path, "means.json", pickle.dumps(_Touch(str(tmp_path / "executed"))))
    refused = slipway.run("import", "nearest_mean", str(archive), ok=False)
    assert refused.returncode == 1
    assert "means.json: a pickle: loading it would run code" in refused.stderr
    assert not (tmp_path / "executed").exists()
