"""fashion_mnist_keras through the deployed stack, on its sample data."""

from __future__ import annotations

import json

import pytest


def test_fashion_mnist_keras_learns_and_answers(row):
    fashion = row("fashion_mnist_keras")
    outcome = fashion.train(epochs=3)
    assert outcome["metrics"]["accuracy"] >= 0.85
    answer = fashion.predict(fashion.sample_request)
    assert answer["model_version"] == outcome["model_version"]
    (prediction,) = answer["predictions"]
    assert prediction["label"] == 7
    assert sum(prediction["probabilities"]) == pytest.approx(1, abs=1e-4)
    job = fashion.slipway.client("sagemaker").list_training_jobs(NameContains="fashion-mnist-keras")
    assert [one["TrainingJobStatus"] for one in job["TrainingJobSummaries"]] == ["Completed"]


def test_fashion_mnist_keras_leaves_logs_and_a_checkpoint_beside_its_model(row):
    fashion = row("fashion_mnist_keras")
    descriptor = fashion.slipway.descriptor("fashion_mnist_keras")
    listed = fashion.slipway.client("s3").list_objects_v2(
        Bucket=descriptor["artifacts"]["bucket"], Prefix=descriptor["artifacts"]["prefix"]
    )
    names = {one["Key"].rsplit("/", 1)[-1] for one in listed["Contents"]}
    assert {"model.tar.gz", "output.tar.gz", "last.keras"} <= names, json.dumps(sorted(names))
