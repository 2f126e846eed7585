"""CloudWatch alarms that look at their own metric, and whose changes are events.

A metric is its namespace, its name and its dimensions. ministack's alarms leave the dimensions out: an alarm on one
endpoint's errors would ring for the errors of another one, and roll its deployment back. Nor does it tell EventBridge
of an alarm's state (CloudWatch user guide, "Alarm events and EventBridge").
"""

from __future__ import annotations

import importlib
import json
import logging
from datetime import UTC, datetime
from types import FunctionType
from typing import Any

log = logging.getLogger(__name__)


def register() -> None:
    """Let every evaluation of an alarm see the metric with the alarm's dimensions only, and every change be told."""
    cloudwatch = importlib.import_module("ministack.services.cloudwatch")
    original: FunctionType = cloudwatch._evaluate_alarm
    dispatch = cloudwatch._dispatch_alarm_actions

    def evaluate(alarm: dict[str, Any]) -> None:
        dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(alarm.get("Dimensions") or []))
        own = {key: points for key, points in list(cloudwatch._metrics.items()) if key[2] == dimensions}
        FunctionType(original.__code__, {**vars(cloudwatch), "_metrics": own})(alarm)

    def tell(alarm: dict[str, Any], old_state: str, new_state: str, reason: str) -> None:
        dispatch(alarm, old_state, new_state, reason)
        _publish(alarm, old_state, new_state, reason)

    cloudwatch._evaluate_alarm = evaluate
    cloudwatch._dispatch_alarm_actions = tell


def _publish(alarm: dict[str, Any], old_state: str, new_state: str, reason: str) -> None:
    """Every change, also of an alarm whose actions are off. It is part of the request that changed the alarm, whose
    answer waits for the journal; an event that is refused must not undo what the request did.
    """
    bus = importlib.import_module("ministack.services.eventbridge")
    moment = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000+0000}"
    detail = {
        "alarmName": alarm["AlarmName"],
        "configuration": {"description": alarm.get("AlarmDescription", "")},
        "previousState": {"value": old_state},
        "state": {"value": new_state, "reason": reason, "timestamp": moment},
    }
    entry = {
        "Source": "aws.cloudwatch",
        "DetailType": "CloudWatch Alarm State Change",
        "Detail": json.dumps(detail),
        "Resources": [alarm["AlarmArn"]],
    }
    status, _headers, body = bus._put_events({"Entries": [entry]}, allow_aws_source=True)
    if status != 200 or json.loads(body).get("FailedEntryCount"):
        log.error("EventBridge refused the state change of alarm %s: %r", alarm["AlarmName"], body)
