"""Zeros for the minutes in which nobody asked: without them, scaling would take silence for missing data.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html: when the traffic to a variant
becomes zero, SageMaker emits metrics with a value of zero, and the variant scales in to its minimum. Asynchronous
endpoints publish neither metric.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from localcloud.sagemaker.endpoints.metrics import NAMESPACE

log = logging.getLogger(__name__)

_NAMES = ("Invocations", "InvocationsPerInstance")
_MINUTE = 60
_LOOK_SECONDS = 1.0
_CLOSE_SECONDS = 1.0
_MAX_DATA = 1000  # PutMetricData.MetricData


class IdleMetrics:
    """Publishes once a minute, about the minute before.

    Args:
        idle: the (endpoint, variant) pairs that serve and had no request in a minute, counted from the epoch.
        connect: makes the CloudWatch client. ``now`` gives epoch seconds.
    """

    def __init__(
        self,
        idle: Callable[[int], Iterable[tuple[str, str]]],
        connect: Callable[[], Any],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._idle, self._connect, self._now = idle, connect, now
        self._published = self._minute()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="idle-metrics", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(_CLOSE_SECONDS)

    def publish(self) -> None:
        """The minute that has just ended, unless it was published before."""
        minute = self._minute()
        if minute == self._published:
            return
        self._published = minute
        data = [_zero(name, *pair, minute) for pair in self._idle(minute) for name in _NAMES]
        for start in range(0, len(data), _MAX_DATA):
            self._connect().put_metric_data(Namespace=NAMESPACE, MetricData=data[start : start + _MAX_DATA])

    def _minute(self) -> int:
        return int(self._now() // _MINUTE) - 1

    def _run(self) -> None:
        while not self._closing.wait(_LOOK_SECONDS):
            try:
                self.publish()
            except Exception:  # the next minute is another one
                log.exception("idle metrics")


def _zero(name: str, endpoint: str, variant: str, minute: int) -> dict[str, Any]:
    return {
        "MetricName": name,
        "Dimensions": [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}],
        "Timestamp": minute * _MINUTE,
        "Unit": "None",
        "Value": 0.0,
    }
