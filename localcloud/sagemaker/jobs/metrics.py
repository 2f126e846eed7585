"""MetricDefinitions: numbers found in a training job's log lines by regular expressions."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

# The namespace and dimension that SageMaker's own client reads (TrainingJobAnalytics).
NAMESPACE = "/aws/sagemaker/TrainingJobs"
_MAX_DATA = 1000  # PutMetricData, data in one request


@dataclass(frozen=True)
class Measurement:
    name: str
    value: float
    timestamp: float


class MetricParser:
    """Finds measurements in lines, and keeps the last of each. Thread-safe: several hosts log at once.

    Args:
        definitions: the request's MetricDefinitions. The number is a Regex's first group, or its whole match.
        on_measurement: called for every measurement.
    """

    def __init__(
        self,
        definitions: Sequence[dict[str, str]],
        *,
        clock: Callable[[], float],
        on_measurement: Callable[[Measurement], None],
    ) -> None:
        self._patterns = [(definition["Name"], re.compile(definition["Regex"])) for definition in definitions]
        self._clock = clock
        self._on_measurement = on_measurement
        self._last: dict[str, Measurement] = {}
        self._lock = threading.Lock()

    def read(self, line: str) -> None:
        for name, pattern in self._patterns:
            for found in pattern.finditer(line):
                value = _number(found.group(1) if pattern.groups else found.group(0))
                if value is not None:
                    self._keep(Measurement(name, value, self._clock()))

    def final(self) -> list[dict[str, Any]]:
        """FinalMetricDataList."""
        with self._lock:
            last = list(self._last.values())
        return [{"MetricName": m.name, "Value": m.value, "Timestamp": m.timestamp} for m in last]

    def _keep(self, measurement: Measurement) -> None:
        with self._lock:
            self._last[measurement.name] = measurement
        self._on_measurement(measurement)


def metric_requests(job_name: str, measurements: list[Measurement]) -> Iterator[dict[str, Any]]:
    """The PutMetricData requests that carry the measurements."""
    data = [
        {
            "MetricName": m.name,
            "Dimensions": [{"Name": "TrainingJobName", "Value": job_name}],
            "Timestamp": m.timestamp,
            "Value": m.value,
        }
        for m in measurements
    ]
    for start in range(0, len(data), _MAX_DATA):
        yield {"Namespace": NAMESPACE, "MetricData": data[start : start + _MAX_DATA]}


def _number(text: str | None) -> float | None:
    """None for what is no number, and for the infinities and NaN, which CloudWatch refuses."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
