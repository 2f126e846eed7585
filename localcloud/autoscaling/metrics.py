"""Datapoints and alarms, through CloudWatch's API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from localcloud.autoscaling.alarms import Alarm, Datapoints, window

_ALARMS_A_CALL = 100


class CloudWatch:
    """``client`` gives the API; ``region`` and ``account`` are what alarm ARNs are made of."""

    def __init__(self, client: Callable[[], Any], *, region: str, account: str) -> None:
        self._client = client
        self._prefix = f"arn:aws:cloudwatch:{region}:{account}:alarm:"

    def arn(self, name: str) -> str:
        return self._prefix + name

    def put(self, alarms: Iterable[Alarm]) -> None:
        """Create or replace alarms."""
        for alarm in alarms:
            self._client().put_metric_alarm(**alarm)

    def delete(self, names: Iterable[str]) -> None:
        """Delete alarms; those that are gone are fine."""
        listed = list(names)
        for start in range(0, len(listed), _ALARMS_A_CALL):
            self._client().delete_alarms(AlarmNames=listed[start : start + _ALARMS_A_CALL])

    def with_action(self, action_arn: str) -> Iterator[Alarm]:
        """The metric alarms whose ALARM state calls this action."""
        for page in self._client().get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"]):
            for alarm in page["MetricAlarms"]:
                if alarm.get("ActionsEnabled", True) and action_arn in alarm.get("AlarmActions", []):
                    yield alarm

    def datapoints(self, alarm: Alarm, now: float) -> Datapoints:
        """What the alarm's metric was in the periods that the alarm looks at."""
        start, end = window(alarm, now)
        metric = {name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions") if name in alarm}
        stat = {
            "Metric": metric,
            "Period": alarm["Period"],
            "Stat": alarm.get("Statistic") or alarm["ExtendedStatistic"],
        }
        if alarm.get("Unit"):
            stat["Unit"] = alarm["Unit"]
        (found,) = self._client().get_metric_data(
            MetricDataQueries=[{"Id": "m", "MetricStat": stat}],
            StartTime=datetime.fromtimestamp(start, UTC),
            EndTime=datetime.fromtimestamp(end, UTC),
        )["MetricDataResults"]
        moments = [moment.timestamp() for moment in found["Timestamps"]]
        return dict(zip(moments, found["Values"], strict=True))
