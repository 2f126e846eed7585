"""The limit of latency for one rollout: how much slower than the model that serves the new one may be.

SageMaker's deployment guardrails watch alarms and compare nothing; but the threshold of an alarm can be set for one
rollout. The stack's alarm has one that no request reaches, and gets it back when the rollout is over.
"""

import math
from datetime import datetime, timedelta
from typing import Any

from shared import endpoint_metrics
from shared.descriptor import Descriptor
from shared.errors import SlipwayError

from plan_rollout.serving import Serving

WINDOW = timedelta(hours=3)
ENOUGH_INVOCATIONS = 100
"""Below this many requests a p99 is the slowest of them."""
ORDINARY = 0.9
"""The share of minutes that the limit is made of: a bad minute of the old model's would let any new one through."""
_METRICS = {"invocations": endpoint_metrics.INVOCATIONS, "p99": endpoint_metrics.P99}
_ALARM = (
    "AlarmName",
    "AlarmDescription",
    "ActionsEnabled",
    "AlarmActions",
    "InsufficientDataActions",
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Dimensions",
    "Period",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "ComparisonOperator",
    "TreatMissingData",
)

Limit = dict[str, Any]
NONE: Limit = {"set": None, "lift": None, "note": None}


class AlarmMissing(SlipwayError):
    """The stack's alarm on the new model's latency is gone."""


def limit(descriptor: Descriptor, serving: Serving, *, cloudwatch: Any, now: datetime) -> Limit:
    """`{"set", "lift": <PutMetricAlarm request> or null, "note": str or null}`: what the alarm has to be during the
    rollout and after it, and what a person should know of it. Raises AlarmMissing.
    """
    wanted = descriptor["rollout"]["latency"]
    if wanted is None:
        return NONE
    champion = serving.champion
    measured = endpoint_metrics.per_minute(
        cloudwatch,
        endpoint=descriptor["endpoint_name"],
        variant=champion.name,
        metrics=_METRICS,
        start=max(now - WINDOW, serving.since),
        end=now + timedelta(minutes=1),
    )
    alarm = _described(cloudwatch, wanted["alarm"])
    # Also set where there is none, since a rollout that was killed may have left its own.
    lifted = {**alarm, "Threshold": float(wanted["no_limit_us"])}
    invocations = sum(measured["invocations"])
    if invocations < ENOUGH_INVOCATIONS:
        note = f"p99 latency not compared: too few requests, {invocations:g} of {ENOUGH_INVOCATIONS}"
        return {"set": lifted, "lift": lifted, "note": note}
    ordinary = _quantile(measured["p99"], ORDINARY)
    threshold = ordinary * wanted["ratio"]
    note = (
        f"p99 latency limit {threshold / 1000:.1f} ms, {wanted['ratio']:g} times the {ordinary / 1000:.1f} ms of"
        f" version {champion.version} ({invocations:g} requests)"
    )
    return {"set": {**alarm, "Threshold": threshold}, "lift": lifted, "note": note}


def _quantile(values: list[float], share: float) -> float:
    """The smallest value that is not below `share` of the values."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def _described(cloudwatch: Any, name: str) -> dict[str, Any]:
    """The alarm as PutMetricAlarm takes it, which replaces all of it; members named as Step Functions names them."""
    found = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    if not found:
        raise AlarmMissing(f"there is no alarm {name}: deploy the workload's stack again")
    (alarm,) = found
    kept = {member: alarm[member] for member in _ALARM if alarm.get(member) not in (None, [])}
    return {**kept, **({"OkActions": alarm["OKActions"]} if alarm.get("OKActions") else {})}
