"""Alarms as CloudWatch defines them, and their evaluation.

The scaler evaluates the alarms of scaling policies itself, on the metric's own datapoints: it needs the latest value,
and it must not depend on when somebody last wrote a datapoint.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

Alarm = dict[str, Any]
Datapoints = Mapping[float, float]
"""Start of a period (epoch seconds) -> the statistic's value over it."""

PERIOD_SECONDS = 60
# https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-policy.html: scale out after 3 minutes above the
# target, in after 15 minutes below 90 % of it.
_HIGH_PERIODS, _LOW_PERIODS, _LOW_PART = 3, 15, 0.9
_COMPARISONS = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def target_tracking_alarms(policy: Mapping[str, Any], metric: Mapping[str, Any], ids: tuple[str, str]) -> list[Alarm]:
    """AlarmHigh and AlarmLow (none where scale-in is disabled) of a target tracking policy.

    Args:
        policy: as DescribeScalingPolicies answers it.
        metric: Namespace, MetricName, Dimensions, Statistic and, if given, Unit.
        ids: of the two alarms; parts of their names.
    """
    configuration = policy["TargetTrackingScalingPolicyConfiguration"]
    target = configuration["TargetValue"]
    common = {
        **metric,
        "Period": PERIOD_SECONDS,
        "AlarmActions": [policy["PolicyARN"]],
        "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy['PolicyARN']}.",
    }
    prefix = f"TargetTracking-{policy['ResourceId']}"
    high = {
        "AlarmName": f"{prefix}-AlarmHigh-{ids[0]}",
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": target,
        "EvaluationPeriods": _HIGH_PERIODS,
    }
    low = {
        "AlarmName": f"{prefix}-AlarmLow-{ids[1]}",
        "ComparisonOperator": "LessThanThreshold",
        "Threshold": round(_LOW_PART * target, 10),
        "EvaluationPeriods": _LOW_PERIODS,
    }
    wanted = [high] if configuration.get("DisableScaleIn") else [high, low]
    return [{**common, **alarm} for alarm in wanted]


def window(alarm: Alarm, now: float) -> tuple[float, float]:
    """Start and end of the periods to look at: the last complete ones."""
    end = now // alarm["Period"] * alarm["Period"]
    return end - alarm["EvaluationPeriods"] * alarm["Period"], end


def breach(alarm: Alarm, datapoints: Datapoints, now: float) -> float | None:
    """The latest value when the alarm is in state ALARM, otherwise None."""
    start, end = window(alarm, now)
    inside = {moment: value for moment, value in datapoints.items() if start <= moment < end}
    compare = _COMPARISONS[alarm["ComparisonOperator"]]
    breaching = sum(compare(value, alarm["Threshold"]) for value in inside.values())
    if alarm.get("TreatMissingData") == "breaching":
        breaching += alarm["EvaluationPeriods"] - len(inside)
    if not inside or breaching < alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]):
        return None
    return inside[max(inside)]


def is_covered(alarm: Alarm) -> bool:
    """Whether ``breach`` can evaluate it: a metric and a static threshold, no metric math, no anomaly band."""
    return "MetricName" in alarm and alarm["ComparisonOperator"] in _COMPARISONS and "Threshold" in alarm
