"""What is asked of a deployed model changes: it is captured, compared, alarmed on, and measured against late labels."""

from __future__ import annotations

import json
import shutil
import time
from itertools import cycle, islice

import pytest
import yaml

WORKLOAD = "watched_mean"
MONITORING = {
    "every_minutes": 10_080,  # the test looks itself
    "window_hours": 1,
    "minimum_requests": 30,
    "retrain": True,
    "quality": {"metric": "accuracy", "limit": 0.9},
}
HOLDOUT_INSTANCES = """

def holdout_instances(model, holdout_dir):
    with (Path(holdout_dir) / "test.csv").open(newline="") as file:
        return [float(number) for number, _ in csv.reader(file)]
"""
LIMIT_SECONDS = 180


@pytest.fixture(scope="module")
def deployed(slipway):
    """The README's workload under another name, with monitoring."""
    for folder in ("training_code", "inference_code"):
        shutil.copytree(slipway.project / folder / "nearest_mean", slipway.project / folder / WORKLOAD)
    path = slipway.project / "training_code" / WORKLOAD / "workload.yaml"
    manifest = yaml.safe_load(path.read_text()) | {"name": WORKLOAD, "monitoring": MONITORING}
    path.write_text(yaml.safe_dump(manifest))
    with (slipway.project / "inference_code" / WORKLOAD / "inference.py").open("a") as code:
        code.write(HOLDOUT_INSTANCES)
    slipway.run("up", WORKLOAD)
    yield slipway
    for folder in ("training_code", "inference_code"):
        shutil.rmtree(slipway.project / folder / WORKLOAD)


def ask(slipway, values: list[float], count: int) -> list[str]:
    """The inference ids of `count` requests of one number each."""
    answers = [slipway.predict(WORKLOAD, {"instances": [value]}) for value in islice(cycle(values), count)]
    assert {answer.status for answer in answers} == {200}
    return [answer.headers["x-slipway-inference-id"] for answer in answers]


def captured(slipway) -> list[dict]:
    """The records of all capture objects."""
    place = slipway.descriptor(WORKLOAD)["artifacts"]
    s3 = slipway.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place["bucket"], Prefix=f"_captured/{place['prefix']}")
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    bodies = [s3.get_object(Bucket=place["bucket"], Key=key)["Body"].read() for key in keys]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def eventually(holds) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(1)


def state(slipway, alarm: str) -> str:
    name = f"slipway-dev-{WORKLOAD.replace('_', '-')}-{alarm}"
    (found,) = slipway.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return found["StateValue"]


def ended(slipway) -> int:
    """How many runs are over."""
    return sum(execution["status"] != "RUNNING" for execution in slipway.executions(WORKLOAD))


def test_drift_and_live_quality_are_measured_told_of_and_alarmed_on(deployed, numbers):
    nothing = deployed.json("monitor", WORKLOAD, "--json")
    assert nothing["outcome"] == "nothing_captured" and "no endpoint" in nothing["summary"]
    deployed.json("train", WORKLOAD, "--data", str(numbers), "--json")
    later = ask(deployed, [5.6, 6.0, 6.4], 40)
    eventually(lambda: set(later) <= {record["eventMetadata"].get("inferenceId") for record in captured(deployed)})

    descriptor = deployed.descriptor(WORKLOAD)
    labels = [{"inference_id": id, "label": "low" if n % 4 == 0 else "high"} for n, id in enumerate(later)]
    deployed.client("s3").put_object(
        Bucket=descriptor["data"]["bucket"],
        Key=f"{descriptor['data']['prefix']}ground-truth/labels.jsonl",
        Body="".join(f"{json.dumps(label)}\n" for label in labels).encode(),
    )
    report = deployed.json("monitor", WORKLOAD, "--json")
    assert (report["outcome"], report["model_version"], report["baseline_records"]) == ("drifted", "1", 40)
    assert report["baseline"].startswith("the holdout")
    assert set(report["drifted"]) == {"input", "prediction"}
    assert report["quality"] == {"metric": "accuracy", "value": 0.75, "labelled_rows": 40}
    shown = deployed.run("monitor", WORKLOAD).stdout
    assert "2 of 2 columns drifted" in shown and "report.html" in shown

    assert descriptor["rollout"]["alarms"][-1].endswith("-model-quality")
    eventually(lambda: state(deployed, "drift") == "ALARM")
    eventually(lambda: state(deployed, "model-quality") == "ALARM")
    eventually(lambda: ended(deployed) == 2)  # the one of `train`, and the one that the alarm asked for
    names = {metric["MetricName"] for metric in _metrics(deployed)}
    assert names == {"MaxPSI", "PSI", "RecentRequests", "LiveQuality"}


def _metrics(slipway) -> list[dict]:
    return slipway.client("cloudwatch").list_metrics(Namespace="Slipway/Monitoring")["Metrics"]
