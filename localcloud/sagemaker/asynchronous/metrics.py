"""What is published about queues and invocations.

https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html (``InvocationsProcesssed`` is its spelling)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.containers.shipping import Shipper

NAMESPACE = "AWS/SageMaker"
_UNITS = {
    "RequestDownloadFailures": "Count",
    "ResponseUploadFailures": "Count",
    "NotificationFailures": "Count",
    "RequestDownloadLatency": "Microseconds",
    "ResponseUploadLatency": "Microseconds",
    "ExpiredRequests": "Count",
    "InvocationFailures": "Count",
    "InvocationsProcesssed": "Count",
    "TimeInBacklog": "Milliseconds",
    "TotalProcessingTime": "Milliseconds",
    "ModelLatency": "Microseconds",
    "Invocation4XXErrors": "None",
    "Invocation5XXErrors": "None",
}
_MAX_DATA = 1000  # PutMetricData.MetricData


class AsyncMetrics:
    """Publishes in batches. ``connect`` makes the CloudWatch client."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._shipper: Shipper[dict[str, Any]] = Shipper(self._publish, name="async-metrics", interval_seconds=1.0)

    def record(self, endpoint: str, variant: str, values: Mapping[str, float], now: float) -> None:
        """One invocation's values by metric name."""
        dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
        for name, value in values.items():
            self._shipper.put(_datum(name, _UNITS[name], value, dimensions, now))

    def gauges(self, endpoint: str, *, backlog: int, instances: int, oldest: float | None, now: float) -> None:
        """The state of a queue, once a minute."""
        values = [
            ("ApproximateBacklogSize", "Count", backlog),
            ("HasBacklogWithoutCapacity", "None", float(backlog > 0 and not instances)),
            ("ApproximateAgeOfOldestRequest", "Seconds", 0.0 if oldest is None else now - oldest),
        ]
        if instances:
            values.append(("ApproximateBacklogSizePerInstance", "Count", backlog / instances))
        dimensions = [{"Name": "EndpointName", "Value": endpoint}]
        for name, unit, value in values:
            self._shipper.put(_datum(name, unit, value, dimensions, now))

    def close(self, timeout: float) -> None:
        self._shipper.close(timeout)

    def _publish(self, data: list[dict[str, Any]]) -> None:
        for start in range(0, len(data), _MAX_DATA):
            self._connect().put_metric_data(Namespace=NAMESPACE, MetricData=data[start : start + _MAX_DATA])


def _datum(name: str, unit: str, value: float, dimensions: list[dict[str, str]], now: float) -> dict[str, Any]:
    return {"MetricName": name, "Unit": unit, "Value": value, "Dimensions": dimensions, "Timestamp": now}
