"""Training on two instances by the manifest alone: mnist_lightning under another name, with `count: 2`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

WORKLOAD = "mnist_two_hosts"


@pytest.fixture(scope="module")
def pair(slipway, row):
    for kind in ("training_code", "inference_code"):
        shutil.copytree(slipway.project / kind / "mnist_lightning", slipway.project / kind / WORKLOAD)
    manifest = slipway.project / "training_code" / WORKLOAD / "workload.yaml"
    document = yaml.safe_load(manifest.read_text("utf-8"))
    document["name"] = WORKLOAD
    document["training"]["instance"]["count"] = 2
    manifest.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    return row(WORKLOAD)


@pytest.fixture(scope="module")
def model(pair, digits):
    return pair.train(digits, epochs=4, batch_size=32)


def test_two_instances_train_one_model_that_serves(slipway, pair, model):
    job = slipway.client("sagemaker").describe_training_job(TrainingJobName=model["training_job"])
    assert job["ResourceConfig"]["InstanceCount"] == 2
    logs = slipway.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{model['training_job']}/")
    printed = {
        stream["logStreamName"].rsplit("/", 1)[-1][:6]: "\n".join(
            event["message"]
            for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
        )
        for stream in streams["logStreams"]
    }
    assert printed.keys() == {"algo-1", "algo-2"}
    assert "devices=2" in printed["algo-1"]
    assert model["metrics"]["accuracy"] >= 0.9
    assert len(pair.predict(pair.sample_request)["predictions"]) == 1


def test_its_curves_and_checkpoints_lie_beside_the_model(slipway, model):
    folder = Path(slipway.run("tensorboard", WORKLOAD, "--no-open").stdout.strip())
    assert list(folder.rglob("events.out.tfevents.*"))
    artifacts = slipway.descriptor(WORKLOAD)["artifacts"]
    checkpoints = slipway.client("s3").list_objects_v2(
        Bucket=artifacts["bucket"], Prefix=f"{artifacts['prefix']}checkpoints/{model['training_job']}/"
    )
    assert any(item["Key"].endswith("last.ckpt") for item in checkpoints["Contents"])
