"""The notebooks, run as Jupyter runs them, on the deployed stack: what they computed has to be right."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.support.clients import interpreter

EXECUTE = Path(__file__).parent / "notebooks/execute.py"
NOTEBOOK_SECONDS = 400


def computed(project: Path, notebook: str, folder: Path, *names: str) -> dict[str, Any]:
    """The notebook's variables of these `names`, and how many `pictures` it shows."""
    result = folder / "result.json"
    done = subprocess.run(
        [str(interpreter("sagemaker-sdk")), str(EXECUTE), str(result), str(project / "notebooks" / notebook), *names],
        env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        capture_output=True,
        text=True,
        timeout=NOTEBOOK_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(result.read_text())


def test_the_sdk_trains_deploys_and_shows_digits_and_leaves_nothing_that_costs(slipway, tmp_path):
    found = computed(slipway.project, "sagemaker_sdk.ipynb", tmp_path, "NAME", "accuracy", "metrics", "left")

    assert found["variables"]["accuracy"] >= 0.9
    # The job's own test and the endpoint were asked about the same images: the model that trained is what answers.
    assert abs(found["variables"]["metrics"]["test:accuracy"] - found["variables"]["accuracy"]) < 0.01
    assert found["pictures"] == 2
    assert found["variables"]["left"] == []
    sagemaker = slipway.client("sagemaker")
    (job,) = sagemaker.list_training_jobs(NameContains=found["variables"]["NAME"])["TrainingJobSummaries"]
    described = sagemaker.describe_training_job(TrainingJobName=job["TrainingJobName"])
    training = slipway.descriptor("mnist_lightning")["training"]
    assert described["RoleArn"] == training["role_arn"]
    assert described["AlgorithmSpecification"]["TrainingImage"] == training["image_uri"]


def test_boto3_trains_and_serves_the_image_of_ones_own_line_by_line(row, tmp_path):
    iris = row("iris_byoc")
    names = ("NAME", "predicted", "true", "accuracy", "left")
    found = computed(iris.slipway.project, "boto3_byoc.ipynb", tmp_path, *names)["variables"]

    assert sorted(set(found["true"])) == ["Iris-setosa", "Iris-versicolor", "Iris-virginica"]
    assert len(found["predicted"]) == len(found["true"]) == 30
    right = sum(map(str.__eq__, found["predicted"], found["true"]))
    assert found["accuracy"] == right / 30 >= 0.95
    assert found["left"] == []
    job = iris.slipway.client("sagemaker").describe_training_job(TrainingJobName=found["NAME"])
    assert (job["TrainingJobStatus"], job["EnableNetworkIsolation"]) == ("Completed", True)
