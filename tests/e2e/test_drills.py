"""Every fault that `slipway drill` plays, on the deployed stack: one that the stack gets over, or turns away."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

GUARDED = {"latency_p99_ms": 300}
SPOT = {"spot_max_wait_seconds": 1200}
WORKLOADS = {
    "canary_drill": ({"strategy": "canary", "size_percent": 50, "bake_seconds": 8, "latency_p99_ratio": 20}, 2, {}),
    "ab_drill": ({"strategy": "ab", "steps": [50, 100], "watch_seconds": 6, **GUARDED}, 1, {}),
    "plain_drill": ({"strategy": "all_at_once"}, 1, SPOT),
}
PAUSE = "\nimport time\n\ntime.sleep(4)  # time enough to lose an instance in\n"
DRILLS = [
    ("canary_drill", "bad-model", "rolled back"),
    ("ab_drill", "bad-model", "rolled back"),
    ("plain_drill", "bad-data", "refused"),
    ("plain_drill", "lambda-crash", "finished"),
    ("canary_drill", "slow-model", "rolled back"),
    ("ab_drill", "slow-model", "rolled back"),
    ("plain_drill", "duplicate-events", "finished"),
    ("plain_drill", "spot-interruption", "finished"),
    ("canary_drill", "crashing-model", "rolled back"),
    ("ab_drill", "crashing-model", "rolled back"),
    ("plain_drill", "throttling", "finished"),
]
"""In turns, because an alarm that a drill raised has to end before the same workload's next one: up to a minute."""


@pytest.fixture(scope="module")
def deployed(slipway, numbers):
    """The README's workload under other names, which differ in their manifest's rollout and training only."""
    for name, (rollout, instances, training) in WORKLOADS.items():
        for folder in ("training_code", "inference_code"):
            shutil.copytree(slipway.project / folder / "nearest_mean", slipway.project / folder / name)
        path = slipway.project / "training_code" / name / "workload.yaml"
        manifest = yaml.safe_load(path.read_text())
        manifest |= {"name": name, "rollout": rollout}
        manifest["serving"]["instance"]["count"] = instances
        manifest["training"] |= training
        path.write_text(yaml.safe_dump(manifest))
    script = slipway.project / "training_code" / "plain_drill" / "train.py"
    script.write_text(script.read_text() + PAUSE)
    slipway.run("up", *WORKLOADS)
    for name in WORKLOADS:
        slipway.run("train", name, "--data", str(numbers))
    _serve_for_a_while(slipway, "canary_drill")
    yield slipway
    for name in WORKLOADS:
        for folder in ("training_code", "inference_code"):
            shutil.rmtree(slipway.project / folder / name)


def _serve_for_a_while(slipway, workload: str) -> None:
    """What a thousand requests at 10 ms each leave in CloudWatch: enough to compare a new model with."""
    endpoint = slipway.descriptor(workload)["endpoint_name"]
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "primary"}]
    common = {"Dimensions": dimensions, "Timestamp": datetime.now(UTC), "Counts": [1000.0]}
    values = {"Invocations": 1.0, "ModelLatency": 10_000.0}
    data = [{"MetricName": name, "Values": [value], **common} for name, value in values.items()]
    slipway.client("cloudwatch").put_metric_data(Namespace="AWS/SageMaker", MetricData=data)


def drilled(slipway, workload: str, fault: str, folder: Path) -> dict[str, Any]:
    """The report of a drill that ended as it must, which its exit code says."""
    slipway.run("drill", workload, fault, "--json", str(folder / "report.json"))
    return json.loads((folder / "report.json").read_text())


@pytest.mark.parametrize(("workload", "fault", "outcome"), DRILLS, ids=[f"{name}-{fault}" for name, fault, _ in DRILLS])
def test_the_stack_behaves_as_it_must(deployed, tmp_path, workload, fault, outcome):
    report = drilled(deployed, workload, fault, tmp_path)
    assert (report["drill"], report["workload"], report["outcome"]) == (fault, workload, outcome)
    assert report["problems"] == []
    before, after = report["serving_version_before"], report["serving_version_after"]
    assert (after == before) is (outcome != "finished")
    assert report["rolled_back"] is (outcome == "rolled back")
    phases = report["phases"]
    assert phases["before"]["failed"] == phases["after"]["failed"] == 0
    assert set(phases["before"]["served"]) == {before} and set(phases["after"]["served"]) == {after}
    assert report["requests"] >= sum(phases["before"]["served"].values()) > 10
    told = [event["what"] for event in report["events"]]
    assert [event["seconds"] for event in report["events"]] == sorted(event["seconds"] for event in report["events"])
    if outcome == "rolled back":
        slow = "slower" if workload == "canary_drill" else "latency"
        alarm = slow if fault == "slow-model" else "5xx"
        assert any(what.startswith("detected: alarm ") and f"-endpoint-{alarm}" in what for what in told)
        assert "rollout: the version is rejected" in told
    else:
        assert report["failed_requests"] == 0


@pytest.mark.parametrize(
    ("workload", "fault", "why"),
    [
        ("plain_drill", "bad-model", "its strategy all_at_once has bake_seconds 0"),
        ("canary_drill", "spot-interruption", "it does not train on spot instances"),
    ],
)
def test_a_drill_that_the_workload_cannot_take_says_why(deployed, workload, fault, why):
    refused = deployed.run("drill", workload, fault, ok=False)
    assert refused.returncode == 1
    assert why in " ".join(refused.stderr.split())
