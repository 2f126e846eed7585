"""CloudWatch alarms that look at their own metric.

A metric is its namespace, its name and its dimensions. ministack's alarms leave the dimensions out: an alarm on one
endpoint's errors would ring for the errors of another one, and roll its deployment back.
"""

from __future__ import annotations

import importlib
from types import FunctionType
from typing import Any


def register() -> None:
    """Let every evaluation of an alarm see the metric with the alarm's dimensions only."""
    cloudwatch = importlib.import_module("ministack.services.cloudwatch")
    original: FunctionType = cloudwatch._evaluate_alarm

    def evaluate(alarm: dict[str, Any]) -> None:
        dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(alarm.get("Dimensions") or []))
        own = {key: points for key, points in list(cloudwatch._metrics.items()) if key[2] == dimensions}
        FunctionType(original.__code__, {**vars(cloudwatch), "_metrics": own})(alarm)

    cloudwatch._evaluate_alarm = evaluate
