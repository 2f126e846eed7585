"""The status of a stack is told to EventBridge, which ministack's CloudFormation does not do.

CloudFormation user guide, "Stack Status Change event detail".
"""

from __future__ import annotations

import importlib
import json
import logging
from typing import Any

log = logging.getLogger(__name__)
_PACKAGE = "ministack.services.cloudformation"
_STACK = "AWS::CloudFormation::Stack"


def register() -> None:
    """Tell of every status that a stack itself takes. Call it once CloudFormation is imported."""
    stacks = importlib.import_module(f"{_PACKAGE}.stacks")
    record = stacks._add_event

    events = importlib.import_module(_PACKAGE)._stack_events

    def record_and_tell(stack_id: str, stack_name: str, logical_id: str, *rest: Any, **more: Any) -> None:
        record(stack_id, stack_name, logical_id, *rest, **more)
        event = events[stack_id][-1]
        if logical_id == stack_name and event["ResourceType"] == _STACK:
            _publish(event)

    # The modules that import the function by its name.
    for module in ("stacks", "handlers", "changesets"):
        importlib.import_module(f"{_PACKAGE}.{module}")._add_event = record_and_tell


def _publish(event: dict[str, Any]) -> None:
    """An event that is refused must not undo what the stack did."""
    bus = importlib.import_module("ministack.services.eventbridge")
    detail = {
        "stack-id": event["StackId"],
        "status-details": {"status": event["ResourceStatus"], "status-reason": event["ResourceStatusReason"]},
        "client-request-token": event.get("ClientRequestToken", ""),
    }
    entry = {
        "Source": "aws.cloudformation",
        "DetailType": "CloudFormation Stack Status Change",
        "Detail": json.dumps(detail),
        "Resources": [event["StackId"]],
    }
    status, _headers, body = bus._put_events({"Entries": [entry]}, allow_aws_source=True)
    if status != 200 or json.loads(body).get("FailedEntryCount"):
        log.error("EventBridge refused the status of stack %s: %r", event["StackName"], body)
