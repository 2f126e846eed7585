"""report.json -> CloudWatch: one PSI a column, the largest of them, and the quality where labels have come."""

from typing import Any

from shared import descriptor as descriptors
from shared import strict_json
from shared.errors import InvalidDocument
from shared.fields import take, take_matching
from shared.names import WORKLOAD
from shared.storage import read_small, split_uri

NAMESPACE = "Slipway/Monitoring"
MAX_REPORT_BYTES = 4 * 1024 * 1024


def publish(event: dict[str, Any], *, ssm: Any, s3: Any, cloudwatch: Any, workloads_path: str) -> dict[str, Any]:
    """The state's output: what of the report a person wants to know first."""
    workload = take_matching(event, "workload", WORKLOAD)
    descriptor = descriptors.read(ssm, path=workloads_path, workload=workload)
    uri = take(event, "report_uri", str)
    report = _read(s3, uri)
    # The endpoint's name is the workload's in its stage: two stages of an account do not mix their figures.
    metrics = _metrics(report, descriptor["endpoint_name"])
    cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=metrics)
    kept = ("outcome", "summary", "model_version", "drifted", "max_score", "quality")
    return {**{name: report[name] for name in kept}, "report_uri": uri}


def _read(s3: Any, uri: str) -> dict[str, Any]:
    bucket, key = split_uri(uri)
    try:
        return strict_json.loads(read_small(s3, bucket=bucket, key=key, limit=MAX_REPORT_BYTES))
    except ValueError as error:
        raise InvalidDocument(f"{uri} is not JSON: {error}") from error


def _metrics(report: dict[str, Any], endpoint: str) -> list[dict[str, Any]]:
    """At most 203: the report has at most 100 columns of requests and 100 of answers (PutMetricData takes 1,000)."""
    whole = [{"Name": "Workload", "Value": endpoint}]
    found = [{"MetricName": "RecentRequests", "Dimensions": whole, "Value": float(report["recent_records"])}]
    if report["max_score"] is not None:
        found.append({"MetricName": "MaxPSI", "Dimensions": whole, "Value": report["max_score"]})
    if report["quality"] is not None:
        found.append({"MetricName": "LiveQuality", "Dimensions": whole, "Value": report["quality"]["value"]})
    for column in report["columns"]:
        feature = {"Name": "Feature", "Value": _dimension(column["name"])}
        found.append({"MetricName": "PSI", "Dimensions": [*whole, feature], "Value": column["score"]})
    return found


def _dimension(name: str) -> str:
    """A dimension's value: ASCII, at most 1,024 characters, no colon first (CloudWatch API, Dimension)."""
    return name.encode("ascii", "replace").decode().lstrip(":")[:1024] or "?"
