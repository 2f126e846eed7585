"""reviews_distilbert through the deployed stack, on its sample data."""

from __future__ import annotations

import json


def test_reviews_distilbert_is_fine_tuned_by_two_instances_and_answers_by_both_contracts(row) -> None:
    reviews = row("reviews_distilbert")
    outcome = reviews.train(epochs=6, learning_rate=0.001)
    assert outcome["metrics"]["accuracy"] >= 0.9
    sagemaker, job = reviews.slipway.client("sagemaker"), outcome["training_job"]
    assert sagemaker.describe_training_job(TrainingJobName=job)["ResourceConfig"]["InstanceCount"] == 2
    logs = reviews.slipway.client("logs")
    streams = logs.describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{job}/")
    hosts = {stream["logStreamName"].split("/")[1].rsplit("-", 1)[0] for stream in streams["logStreams"]}
    assert hosts == {"algo-1", "algo-2"}
    answer = reviews.predict(reviews.sample_request)
    assert answer["model_version"] == outcome["model_version"]
    assert [prediction["label"] for prediction in answer["predictions"]] == ["positive", "negative"]
    text = json.dumps({"text": "This lamp broke after two days."}).encode()
    assert reviews.predict(text)["predictions"] == ["negative"]
