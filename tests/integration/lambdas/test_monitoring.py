"""What monitoring reads of S3 and writes to CloudWatch."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from plan_monitoring import captures
from publish_monitoring.handler import handler

NOW = datetime(2026, 5, 3, 12, 30, tzinfo=UTC)


def capture(stage: Any, moment: datetime) -> str:
    name = f"{moment:%Y/%m/%d/%H/%M-%S}-000-x.jsonl"
    bucket = stage.descriptor["artifacts"]["bucket"]
    boto3.client("s3").put_object(Bucket=bucket, Key=f"_captured/digits/v3/e/primary/{name}", Body=b"{}\n")
    return name


def test_the_oldest_and_the_recent_objects_are_read(stage: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(captures, "MAX_OBJECTS", 2)
    names = [capture(stage, NOW - timedelta(hours=hours)) for hours in (50, 40, 30, 20, 2, 1)]
    folder = f"s3://{stage.descriptor['artifacts']['bucket']}/_captured/digits/v3/e/primary"
    found = captures.keys(boto3.client("s3"), folder, since=NOW - timedelta(hours=24))
    assert found == [names[0], names[1], names[4], names[5]]
    assert captures.keys(boto3.client("s3"), f"{folder}-other", since=NOW) == []
    assert captures.newest(boto3.client("s3"), folder) == names[-2:]


def test_a_report_becomes_metrics_of_the_workload_and_of_each_column(stage: Any, context: Any) -> None:
    bucket = stage.descriptor["artifacts"]["bucket"]
    columns = [{"name": "input.größe", "score": 0.5}, {"name": "prediction", "score": 0.0}]
    report = {
        "outcome": "drifted",
        "summary": "1 of 2",
        "model_version": "3",
        "drifted": ["input.größe"],
        "max_score": 0.5,
        "recent_records": 120,
        "quality": {"metric": "mae", "value": 2.5, "labelled_rows": 7},
        "columns": columns,
    }
    boto3.client("s3").put_object(Bucket=bucket, Key="digits/monitoring/x/report.json", Body=json.dumps(report))
    uri = f"s3://{bucket}/digits/monitoring/x/report.json"
    published = handler({"workload": "digits", "report_uri": uri}, context)
    assert (published["outcome"], published["drifted"], published["report_uri"]) == ("drifted", ["input.größe"], uri)
    endpoint = stage.descriptor["endpoint_name"]
    assert newest(endpoint, "MaxPSI") == 0.5
    assert newest(endpoint, "LiveQuality") == 2.5
    assert newest(endpoint, "RecentRequests") == 120
    assert newest(endpoint, "PSI", Feature="input.gr??e") == 0.5


def newest(endpoint: str, metric: str, **dimensions: str) -> float:
    now = datetime.now(UTC)
    answer = boto3.client("cloudwatch").get_metric_statistics(
        Namespace="Slipway/Monitoring",
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in {"Workload": endpoint, **dimensions}.items()],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Maximum"],
    )
    (point,) = answer["Datapoints"]
    return point["Maximum"]
