"""A data set with a bad file, on the deployed stack: set apart, while the rest trains, or the end of the run."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

BAD = b"1.0,2.0,1\n0.5,nan,0\n"


@pytest.fixture(scope="module")
def ring(row):
    return row("ring_network")


@pytest.fixture(scope="module")
def mixed(ring, tmp_path_factory) -> Path:
    """The sample data, with a bad file among them."""
    folder = tmp_path_factory.mktemp("mixed")
    shutil.copytree(ring.data, folder, dirs_exist_ok=True)
    (folder / "points-1b.csv").write_bytes(BAD)
    return folder


@pytest.fixture(scope="module")
def model(ring, mixed):
    """A model trained on what is good of the data, as the manifest says."""
    return ring.train(mixed)


def _objects(ring, prefix: str) -> dict[str, bytes]:
    artifacts = ring.slipway.descriptor(ring.workload)["artifacts"]
    s3, bucket = ring.slipway.client("s3"), artifacts["bucket"]
    below = f"{artifacts['prefix']}{prefix}"
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=below).get("Contents", [])]
    return {key.removeprefix(below): s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def _run_job(ring, model) -> str:
    """What the names of the run's jobs begin with (docs/contract.md, "Names"); a search names its training jobs."""
    digest = hashlib.sha256(model["run"].encode()).hexdigest()
    return f"{ring.slipway.descriptor(ring.workload)['job_prefix']}-{digest[:12]}"


def test_a_bad_file_is_set_apart_and_the_rest_trains(ring, mixed, model):
    assert _objects(ring, f"quarantine/{model['run']}/") == {"points/points-1b.csv": BAD}
    checked = _objects(ring, f"checks/{_run_job(ring, model)}/")
    (finding,) = json.loads(checked["report.json"])["findings"]
    assert (finding["file"], finding["row"], finding["column"]) == ("points/points-1b.csv", 2, "y")
    trained_on = _objects(ring, f"processed/{_run_job(ring, model)}/train/")
    assert sorted(trained_on) == [f"points-{number}.csv" for number in range(4)]


def test_the_data_set_itself_is_left_as_it_was(ring, mixed, model):
    data = ring.slipway.descriptor("ring_network")["data"]
    s3 = ring.slipway.client("s3")
    key = f"{data['prefix']}{model['dataset']}/points/points-1b.csv"
    assert s3.get_object(Bucket=data["bucket"], Key=key)["Body"].read() == BAD


def test_when_too_little_is_left_the_run_ends_and_the_model_goes_on_serving(ring, model, tmp_path):
    (tmp_path / "points-3.csv").write_bytes(BAD)
    command = ["train", "ring_network", "--data", str(tmp_path)]
    unsent = ring.slipway.run(*command, ok=False)
    assert unsent.returncode == 1
    assert "points/points-3.csv, row 2, column y: is NaN or infinite ('nan')" in unsent.stderr
    assert "Nothing was uploaded." in unsent.stderr

    refused = ring.slipway.run(*command, "--no-check", ok=False)
    assert refused.returncode == 1
    told = " ".join(refused.stderr.split())
    assert "failed in step Refused: BadData" in told
    assert "points/points-3.csv, row 2, column y: is NaN or infinite. points: has 0 good files" in told
    assert "'nan'" not in told, "values of the data stay in the report"
    last = ring.slipway.executions("ring_network")[0]["name"]
    assert _objects(ring, f"quarantine/{last}/") == {"points/points-3.csv": BAD}
    assert ring.predict(ring.sample_request)["model_version"] == model["model_version"]


def test_data_are_checked_by_hand_without_an_upload(ring, mixed, model):
    runs = len(ring.slipway.executions("ring_network"))
    report = ring.slipway.json("check", "ring_network", "--data", str(mixed), "--json")
    assert report["verdict"] == "accepted"
    assert [file["good"] for file in report["channels"]["points"]] == [True, True, False, True, True]
    shown = ring.slipway.run("check", "ring_network", "--data", str(mixed)).stdout
    assert "Accepted: 1 of 5 files are bad." in shown
    assert len(ring.slipway.executions("ring_network")) == runs


def test_a_workload_without_checks_has_no_such_step(ring, model, slipway, numbers):
    told = slipway.run("check", "nearest_mean", "--data", str(numbers), ok=False)
    assert "has no data.checks" in told.stderr
