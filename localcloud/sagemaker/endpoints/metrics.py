"""Invocation metrics under the names SageMaker publishes, so that alarms are the same here and on AWS.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html, "endpoint invocation metrics":
namespace AWS/SageMaker, dimensions EndpointName and VariantName, latencies in microseconds. The error metrics get a 0
for every invocation without that error, so that their average is the error rate.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from localcloud.containers.shipping import Shipper

NAMESPACE = "AWS/SageMaker"
_INTERVAL_SECONDS = 1.0
_MAX_VALUES = 150  # MetricDatum.Values
_MAX_DATA = 1000  # PutMetricData.MetricData


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One answered request.

    Attributes:
        model_status: the container's HTTP status; None when it gave no answer, which counts as a 5XX error.
        model_seconds: what the container took.
        overhead_seconds: what was spent around it.
        instances: of the variant, at that moment.
        timestamp: epoch seconds.
    """

    endpoint: str
    variant: str
    model_status: int | None
    model_seconds: float
    overhead_seconds: float
    timestamp: float
    instances: int = 1

    def measurements(self) -> Iterator[tuple[str, str, float]]:
        """Name, unit, value."""
        status = self.model_status
        yield "Invocations", "None", 1.0
        yield "InvocationsPerInstance", "None", 1 / self.instances
        yield "Invocation4XXErrors", "None", float(status is not None and 400 <= status < 500)
        yield "Invocation5XXErrors", "None", float(status is None or status >= 500)
        yield "ModelLatency", "Microseconds", float(round(self.model_seconds * 1e6))
        yield "OverheadLatency", "Microseconds", float(round(self.overhead_seconds * 1e6))


class InvocationMetrics:
    """Publishes invocations in batches. `connect` makes the CloudWatch client, when the first one is there."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._busy: set[tuple[str, str, int]] = set()
        self._lock = threading.Lock()
        self._shipper: Shipper[Invocation] = Shipper(
            self._publish, name="endpoint-metrics", interval_seconds=_INTERVAL_SECONDS
        )

    def record(self, invocation: Invocation) -> None:
        with self._lock:
            self._busy.add((invocation.endpoint, invocation.variant, int(invocation.timestamp // 60)))
        self._shipper.put(invocation)

    def busy(self, minute: int) -> set[tuple[str, str]]:
        """The (endpoint, variant) pairs asked in a minute, counted from the epoch; minutes up to it are forgotten."""
        with self._lock:
            found = {(endpoint, variant) for endpoint, variant, when in self._busy if when == minute}
            self._busy = {entry for entry in self._busy if entry[2] > minute}
        return found

    def close(self, timeout: float) -> None:
        self._shipper.close(timeout)

    def _publish(self, invocations: list[Invocation]) -> None:
        client = self._connect()
        data = list(metric_data(invocations))
        for start in range(0, len(data), _MAX_DATA):
            client.put_metric_data(Namespace=NAMESPACE, MetricData=data[start : start + _MAX_DATA])


def metric_data(invocations: Iterable[Invocation]) -> Iterator[dict[str, Any]]:
    """MetricDatum for every metric, endpoint, variant and minute, equal values counted."""
    values: dict[tuple, Counter[float]] = defaultdict(Counter)
    for invocation in invocations:
        minute = int(invocation.timestamp // 60) * 60
        for name, unit, value in invocation.measurements():
            values[name, unit, invocation.endpoint, invocation.variant, minute][value] += 1
    for (name, unit, endpoint, variant, minute), counted in values.items():
        pairs = list(counted.items())
        for start in range(0, len(pairs), _MAX_VALUES):
            part = pairs[start : start + _MAX_VALUES]
            yield {
                "MetricName": name,
                "Dimensions": [
                    {"Name": "EndpointName", "Value": endpoint},
                    {"Name": "VariantName", "Value": variant},
                ],
                "Timestamp": minute,
                "Unit": unit,
                "Values": [value for value, _ in part],
                "Counts": [float(count) for _, count in part],
            }
