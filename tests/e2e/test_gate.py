"""A model on its way to the endpoint, with a person in between: what is recorded of it, and what is served."""

from __future__ import annotations

import io
import json
import shutil
import tarfile

import pytest
import yaml

WORKLOAD = "careful_mean"
SLICES = """

def evaluate(model, holdout_dir):
    with (Path(holdout_dir) / "test.csv").open(newline="") as file:
        rows = [(float(number), label) for number, label in csv.reader(file)]
    right = {label: [] for _, label in rows}
    for (_, label), answer in zip(rows, predict_fn([number for number, _ in rows], model), strict=True):
        right[label].append(answer == label)
    slices = {f"label={label}": {"accuracy": sum(of) / len(of), "examples": len(of)} for label, of in right.items()}
    whole = sum(sum(of) for of in right.values()) / len(rows)
    return {"metrics": {"accuracy": whole, "examples": len(rows)}, "slices": slices}
"""


@pytest.fixture(scope="module")
def deployed(slipway):
    """The README's workload, approved by a person and judged by label as well."""
    for folder in ("training_code", "inference_code"):
        shutil.copytree(slipway.project / folder / "nearest_mean", slipway.project / folder / WORKLOAD)
    path = slipway.project / "training_code" / WORKLOAD / "workload.yaml"
    manifest = yaml.safe_load(path.read_text())
    manifest |= {"name": WORKLOAD, "approval": "manual"}
    manifest["gate"] |= {"slices": {"max_regression": 0.1}, "max_latency_ms": 60_000, "max_model_mb": 1}
    path.write_text(yaml.safe_dump(manifest))
    code = slipway.project / "inference_code" / WORKLOAD / "inference.py"
    code.write_text(code.read_text() + SLICES)
    slipway.run("up", WORKLOAD)
    yield slipway
    for folder in ("training_code", "inference_code"):
        shutil.rmtree(slipway.project / folder / WORKLOAD)


@pytest.fixture(scope="module")
def first(deployed, numbers):
    """The first model's run, which waits for its approval."""
    return deployed.json("train", WORKLOAD, "--data", str(numbers), "--json")


def endpoint(slipway):
    status = slipway.json("status", "--json")
    (found,) = [item["endpoint"] for item in status["workloads"] if item["name"] == WORKLOAD]
    return found


def approval(slipway, version: str) -> str:
    group = slipway.descriptor(WORKLOAD)["model_package_group"]
    packages = slipway.client("sagemaker").list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    return {str(one["ModelPackageVersion"]): one["ModelApprovalStatus"] for one in packages}[version]


def test_nothing_is_rolled_out_before_a_person_approves(deployed, first):
    rollouts = deployed.descriptor(WORKLOAD)["rollout_state_machine_arn"]
    assert approval(deployed, first["model_version"]) == "PendingManualApproval"
    assert endpoint(deployed) is None
    assert deployed.client("stepfunctions").list_executions(stateMachineArn=rollouts)["executions"] == []


def test_the_first_verdict_says_that_there_was_nobody_to_beat(deployed, first):
    verdict = deployed.json("verdict", WORKLOAD, "--json")
    assert (verdict["run"], verdict["passed"], verdict["champion"]) == (first["run"], True, None)
    assert verdict["notes"] == ["there is no champion yet: only the absolute limits count"]
    assert verdict["challenger"]["slices"].keys() == {"label=high", "label=low"}
    assert verdict["challenger"]["latency_ms"]["p99"] > 0
    assert verdict == deployed.json("verdict", WORKLOAD, "--version", "1", "--json")
    assert f"{WORKLOAD}, run {first['run']}: registered" in deployed.run("verdict", WORKLOAD).stdout


def test_an_approved_version_serves_and_its_lineage_names_its_data_and_code(deployed, first):
    assert deployed.json("approve", WORKLOAD, "--json")["outcome"] == "rolled_out"
    lineage = deployed.json("lineage", WORKLOAD, "--json")
    assert (lineage["version"], lineage["serving_weight"], lineage["run"]) == ("1", 1.0, first["run"])
    for item in lineage["objects"]:
        where = {"Bucket": lineage["data_bucket"], "Key": item["key"], "VersionId": item["version_id"]}
        assert deployed.client("s3").head_object(**where)["ContentLength"] == item["size"]
    assert lineage["code"]["hash"] in lineage["code"]["training"]
    (variant,) = endpoint(deployed)["variants"]
    model = deployed.client("sagemaker").describe_model(ModelName=variant["model"])["PrimaryContainer"]
    assert model["Environment"]["SLIPWAY_MODEL_SHA256"] == lineage["model"]["sha256"]


def test_a_swapped_model_is_refused_and_the_old_one_goes_on_answering(deployed, first, numbers):
    second = deployed.json("train", WORKLOAD, "--data", str(numbers), "--json")
    verdict = deployed.json("verdict", WORKLOAD, "--version", "2", "--json")
    assert (verdict["champion"]["version"], verdict["champion"]["serves"]) == (1, True)
    assert verdict["notes"] == []  # another upload of the same holdout is the same holdout
    uri = deployed.json("lineage", WORKLOAD, "--version", "2", "--json")["model"]["uri"]
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    deployed.client("s3").put_object(Bucket=bucket, Key=key, Body=archive({"low": 0.0, "high": 1e9}))
    refused = deployed.run("approve", WORKLOAD, "--version", "2", ok=False)
    assert refused.returncode == 1
    assert "SwappedArtifact" in deployed.run("logs", WORKLOAD, "--lines", "1000").stdout
    assert [variant["model_version"] for variant in endpoint(deployed)["variants"]] == ["1"]
    assert deployed.predict(WORKLOAD, {"instances": [1.0]}).status == 200
    assert approval(deployed, second["model_version"]) == "Rejected"


def archive(means) -> bytes:
    """A model.tar.gz that could be served as well as the one that was evaluated."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as opened:
        content = json.dumps(means).encode()
        info = tarfile.TarInfo("means.json")
        info.size = len(content)
        opened.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
