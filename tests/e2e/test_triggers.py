"""Who asks for training runs gets them, one after the other: callers of the API, and deployments."""

from __future__ import annotations

import json
import time

import pytest

WAIT_LIMIT_SECONDS = 120


@pytest.fixture(scope="module")
def number_model(slipway, numbers):
    run = slipway.json("train", "nearest_mean", "--data", str(numbers), "--json")
    return run | {"code_uri": slipway.descriptor("nearest_mean")["training"]["code_uri"]}


def test_runs_asked_for_through_the_api_take_turns_on_the_newest_data_set(slipway, number_model):
    before = {execution["name"] for execution in slipway.executions("nearest_mean")}
    for shift in (0.01, 0.02):
        body = json.dumps({"hyperparameters": {"shift": shift}}).encode()
        answer = slipway.request("/workloads/nearest_mean/training-runs", body)
        assert (answer.status, answer.body["workload"], answer.body["dataset"]) == (202, "nearest_mean", None)
    runs = _ended(slipway, before, count=2)
    assert [run["status"] for run in runs] == ["SUCCEEDED", "SUCCEEDED"]
    assert runs[0]["stopDate"] <= runs[1]["startDate"]
    states = slipway.client("stepfunctions")
    inputs = [json.loads(states.describe_execution(executionArn=run["executionArn"])["input"]) for run in runs]
    assert {run["dataset"] for run in inputs} == {number_model["dataset"]}
    assert {run["hyperparameters"]["shift"] for run in inputs} == {"0.01", "0.02"}


def test_a_request_for_an_unknown_hyperparameter_is_refused(slipway):
    answer = slipway.request("/workloads/nearest_mean/training-runs", b'{"hyperparameters": {"depth": 3}}')
    assert (answer.status, answer.body["error"]["field"]) == (400, "hyperparameters.depth")


def test_a_deployment_that_changes_the_training_code_trains_again(slipway, number_model):
    before = {execution["name"] for execution in slipway.executions("nearest_mean")}
    script = slipway.project / "training_code" / "nearest_mean" / "train.py"
    script.write_text(script.read_text() + "\n# The same once more.\n")
    slipway.run("up", "nearest_mean")
    (run,) = _ended(slipway, before, count=1)
    assert run["status"] == "SUCCEEDED" and run["name"].startswith(number_model["dataset"])
    code = slipway.descriptor("nearest_mean")["training"]["code_uri"]
    assert _verdict(slipway, run)["code_uri"] == code != number_model["code_uri"]


def _verdict(slipway, run):
    states, s3 = slipway.client("stepfunctions"), slipway.client("s3")
    output = json.loads(states.describe_execution(executionArn=run["executionArn"])["output"])
    bucket, _, key = output["verdict_uri"].removeprefix("s3://").partition("/")
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def _ended(slipway, before, *, count):
    """The new runs in the order of their starts, once there are `count` and all have ended."""
    deadline = time.monotonic() + WAIT_LIMIT_SECONDS
    while time.monotonic() < deadline:
        runs = [run for run in slipway.executions("nearest_mean") if run["name"] not in before]
        if len(runs) >= count and all(run["status"] != "RUNNING" for run in runs):
            return sorted(runs, key=lambda run: run["startDate"])
        time.sleep(0.5)
    raise AssertionError(f"not {count} runs within {WAIT_LIMIT_SECONDS} s")
