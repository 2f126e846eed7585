"""CloudWatch alarms that look at their own metric, and whose changes are events.

A metric is its namespace, its name and its dimensions. ministack's alarms leave the dimensions out: an alarm on one
endpoint's errors would ring for the errors of another one, and roll its deployment back. Nor does it tell EventBridge
of an alarm's state (CloudWatch user guide, "Alarm events and EventBridge"), or heed how an alarm treats missing data.
"""

from __future__ import annotations

import importlib
import json
import logging
import time
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
        if not _settled_without_data(cloudwatch, alarm, own):
            FunctionType(original.__code__, {**vars(cloudwatch), "_metrics": own})(alarm)

    def tell(alarm: dict[str, Any], old_state: str, new_state: str, reason: str) -> None:
        dispatch(alarm, old_state, new_state, reason)
        _publish(alarm, old_state, new_state, reason)

    cloudwatch._evaluate_alarm = evaluate
    cloudwatch._dispatch_alarm_actions = tell


def _settled_without_data(cloudwatch: Any, alarm: dict[str, Any], metrics: dict[Any, Any]) -> bool:
    """Whether missing data decides: as `TreatMissingData` has it where that is notBreaching or breaching.

    For `missing` and `ignore` ministack's evaluation leaves the state as it is.
    """
    states = {"notBreaching": "OK", "breaching": "ALARM"}
    state = states.get(alarm.get("TreatMissingData", ""))
    start = time.time() - alarm.get("Period", 60) * alarm.get("EvaluationPeriods", 1)
    wanted = (alarm.get("Namespace"), alarm.get("MetricName"))
    points = (point for key, found in metrics.items() if key[:2] == wanted for point in found)
    if state is None or not all(wanted) or any(point["Timestamp"] >= start for point in points):
        return False
    old = alarm["StateValue"]
    if old != state:
        reason = f"No datapoints were received, which counts as {alarm['TreatMissingData']}"
        alarm |= {"StateValue": state, "StateReason": reason, "StateUpdatedTimestamp": int(time.time())}
        cloudwatch._record_history(alarm["AlarmName"], old, state, reason)
        cloudwatch._dispatch_alarm_actions(alarm, old, state, reason)
        cloudwatch._evaluate_parent_alarms(alarm)
    return True


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
