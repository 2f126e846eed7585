"""The image of one's own through the deployed stack, on its sample data: built, trained, judged by its answers."""

from __future__ import annotations

import csv


def test_iris_byoc_is_built_trains_by_itself_passes_the_gate_and_answers(row):
    iris = row("iris_byoc")
    outcome = iris.train()
    assert outcome["metrics"]["accuracy"] >= 0.95
    assert outcome["metrics"]["examples"] == 30
    answer = iris.predict(iris.sample_request)
    assert answer["predictions"] == ["Iris-setosa", "Iris-versicolor", "Iris-virginica"]
    assert answer["model_version"] == outcome["model_version"]

    sagemaker = iris.slipway.client("sagemaker")
    (listed,) = sagemaker.list_training_jobs(NameContains="iris-byoc")["TrainingJobSummaries"]
    job = sagemaker.describe_training_job(TrainingJobName=listed["TrainingJobName"])
    assert "ContainerEntrypoint" not in job["AlgorithmSpecification"]
    assert [channel["ChannelName"] for channel in job["InputDataConfig"]] == ["test", "train"]
    assert job["EnableNetworkIsolation"] is True
    serving = iris.slipway.descriptor("iris_byoc")["serving"]["image_uri"]
    assert job["AlgorithmSpecification"]["TrainingImage"] == serving


def test_iris_byoc_takes_the_data_files_own_columns_as_csv(row):
    iris = row("iris_byoc")
    with (iris.data / "test.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    labels = [row[-1] for row in rows[1:]]
    body = "".join(",".join(row[:-1]) + "\n" for row in rows)
    predictions = iris.predict(body.encode(), "text/csv")["predictions"]
    assert sum(map(str.__eq__, predictions, labels)) / len(labels) >= 0.95


def test_the_text_of_a_failing_run_reaches_the_person(row):
    iris = row("iris_byoc")
    failed = iris.slipway.run(*("train", "iris_byoc", "--data", str(iris.data), "--set", "label_column=Kind"), ok=False)
    assert failed.returncode == 1
    assert "there is no column 'Kind' (label_column)" in failed.stdout + failed.stderr
