"""Killing, restarting and removing the deployed stack: what these leave behind, no other test can use."""

from __future__ import annotations

import os
import signal
import time

WAIT_LIMIT_SECONDS = 30


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_after_a_kill_the_stack_comes_up_and_trains_again(slipway, numbers):
    pid = slipway.cloud["pid"]
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + WAIT_LIMIT_SECONDS
    while time.monotonic() < deadline and not _gone(pid):
        time.sleep(0.1)
    slipway.run("up")
    del slipway.cloud  # the new process is another one
    slipway.__dict__.pop("api", None)
    trained = slipway.json("train", "nearest_mean", "--data", str(numbers), "--json")
    answer = slipway.predict("nearest_mean", {"instances": [0.1]})
    assert (answer.status, answer.body["predictions"]) == (200, ["low"])
    assert answer.body["model_version"] == trained["model_version"]


def test_destroy_leaves_nothing_of_the_stage(slipway):
    slipway.run("destroy", "--yes")
    assert slipway.client("sagemaker").list_endpoints()["Endpoints"] == []
    assert slipway.client("sagemaker").list_models()["Models"] == []
    assert slipway.client("sagemaker").list_endpoint_configs()["EndpointConfigs"] == []
    assert [b["Name"] for b in slipway.client("s3").list_buckets()["Buckets"] if "slipway" in b["Name"]] == []
    statuses = slipway.client("cloudformation").list_stacks()["StackSummaries"]
    left = [
        s["StackName"] for s in statuses if s["StackName"].startswith("slipway") and "DELETE" not in s["StackStatus"]
    ]
    assert left == []
