"""Scheduled actions: https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScheduledAction.html"""

from __future__ import annotations

import uuid
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from localcloud.autoscaling import cron
from localcloud.autoscaling.service import (
    ACTION,
    Document,
    Operation,
    Service,
    check_target,
    find,
    key,
    matches,
    missing,
    page,
    require_target,
)
from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.store import AlreadyExists, NotFound

_MEMBERS = ("Schedule", "Timezone", "StartTime", "EndTime", "ScalableTargetAction")


def _put(service: Service, _caller: Any, request: Document) -> Document:
    require_target(service, request)
    name = key(request, request["ScheduledActionName"])
    found = find(service, ACTION, name)
    document = {**(found or _new(service, request)), **{part: request[part] for part in _MEMBERS if part in request}}
    _check(document)
    document["_NextRun"] = next_run(document, after=service.now())
    try:
        if found is None:
            service.store.create(ACTION, name, document)
        else:
            service.store.update(ACTION, name, lambda stored: stored.update(document))
    except (AlreadyExists, NotFound):
        raise ValidationException(
            f"The scheduled action {request['ScheduledActionName']} is being changed by another request"
        ) from None
    return {}


def _new(service: Service, request: Document) -> Document:
    named = ("ScheduledActionName", "ServiceNamespace", "ResourceId", "ScalableDimension")
    config = service.config
    return {
        **{name: request[name] for name in named},
        "ScheduledActionARN": (
            f"arn:aws:autoscaling:{config.region}:{config.account}:scheduledAction:{uuid.uuid4()}:resource/"
            f"{request['ServiceNamespace']}/{request['ResourceId']}"
            f":scheduledActionName/{request['ScheduledActionName']}"
        ),
        "CreationTime": service.now(),
    }


def _check(action: Document) -> None:
    if "Schedule" not in action:
        raise ValidationException("Schedule must be specified")
    capacity = action.get("ScalableTargetAction", {})
    if not capacity:
        raise ValidationException("ScalableTargetAction must hold MinCapacity, MaxCapacity or both")
    if capacity.get("MaxCapacity", capacity.get("MinCapacity", 0)) < capacity.get("MinCapacity", 0):
        raise ValidationException(
            f"Maximum capacity {capacity['MaxCapacity']} cannot be less than minimum capacity {capacity['MinCapacity']}"
        )


def next_run(action: Document, *, after: float) -> float | None:
    """Epoch seconds of the action's next run, None when there is none. Raises ValidationException."""
    start = action.get("StartTime", action["CreationTime"])
    try:
        run = cron.next_run(
            action["Schedule"], action.get("Timezone", "UTC"), start=start, after=max(after, action.get("StartTime", 0))
        )
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise ValidationException(f"Invalid schedule '{action['Schedule']}': {error}") from error
    return None if run is None or run > action.get("EndTime", run) else run


def remove(service: Service, action: Document) -> None:
    """Delete an action."""
    service.store.delete(ACTION, key(action, action["ScheduledActionName"]))


def _delete(service: Service, _caller: Any, request: Document) -> Document:
    check_target(request)
    found = find(service, ACTION, key(request, request["ScheduledActionName"]))
    if found is None:
        raise missing("scheduled action", request, scheduled_action_name=request["ScheduledActionName"])
    remove(service, found)
    return {}


def _describe(service: Service, _caller: Any, request: Document) -> Document:
    names = request.get("ScheduledActionNames")
    found = [action for action in service.store.list(ACTION) if matches(action, request)]
    found = [action for action in found if names is None or action["ScheduledActionName"] in names]
    return page(found, request, member="ScheduledActions", scope="DescribeScheduledActions")


OPERATIONS: dict[str, Operation] = {
    "PutScheduledAction": _put,
    "DeleteScheduledAction": _delete,
    "DescribeScheduledActions": _describe,
}
