"""Events whose target cannot take them go to the rule's dead-letter queue, where ministack forgets them.

EventBridge user guide, "Using dead-letter queues to process undelivered events": a target that is gone or refuses is
not tried again; the event goes to the queue with what was wrong as message attributes.
"""

from __future__ import annotations

import importlib
import json
import logging
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)
GONE = "RESOURCE_NOT_FOUND"


def register() -> None:
    """Look whether a target is there before an event is handed to it."""
    bus = importlib.import_module("ministack.services.eventbridge")
    sqs = importlib.import_module("ministack.services.sqs")
    sns = importlib.import_module("ministack.services.sns")
    functions = importlib.import_module("ministack.services.lambda_svc")
    there: dict[str, Callable[[str], Any]] = {
        "sqs": sqs._queue_by_arn,
        "sns": sns._topics.get,
        "lambda": lambda arn: functions._get_func_record_for_ref(arn)[0],
    }
    original = bus._invoke_target

    def invoke(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> None:
        arn = target["Arn"]
        exists = there.get(arn.split(":")[2])
        if exists is None or exists(arn):
            original(target, event, rule, view)
            return
        queue = sqs._queue_by_arn(target.get("DeadLetterConfig", {}).get("Arn", ""))
        if queue is None:
            log.warning("an event of rule %s is lost: its target %s does not exist", rule["Name"], arn)
            return
        whole = (view or bus._pattern_event_view(event)).event_with_detail()
        sqs._act_send_message(_dead_letter(whole, rule["Arn"], arn), queue["url"])

    bus._invoke_target = invoke


def _dead_letter(event: dict[str, Any], rule: str, target: str) -> dict[str, Any]:
    """The SendMessage request."""
    told = {
        "RULE_ARN": rule,
        "TARGET_ARN": target,
        "ERROR_CODE": GONE,
        "ERROR_MESSAGE": f"{target} does not exist",
    }
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in told.items()}
    return {"MessageBody": json.dumps(event), "MessageAttributes": attributes}
