"""Scaling activities: https://docs.aws.amazon.com/autoscaling/application/APIReference/API_ScalingActivity.html"""

from __future__ import annotations

import uuid
from typing import Any

from localcloud.autoscaling.service import ACTIVITY, Document, Operation, Service, matches, page
from localcloud.sagemaker.store import Query, Store

# AWS keeps six weeks of them.
_KEPT_SECONDS = 6 * 7 * 86_400


def begin(store: Store, target: Document, *, capacity: int, cause: str, now: float) -> Document:
    """Record that a target is being scaled to ``capacity``."""
    activity = {
        "ActivityId": str(uuid.uuid4()),
        **{name: target[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")},
        "Description": f"Setting desired instance count to {capacity}.",
        "Cause": cause,
        "StartTime": now,
        "CreationTime": now,
        "StatusCode": "InProgress",
        "StatusMessage": f"Successfully set desired instance count to {capacity}. Waiting for change to be fulfilled "
        "by sagemaker.",
        "_Capacity": capacity,
    }
    return store.create(ACTIVITY, activity["ActivityId"], activity)


def end(store: Store, activity_id: str, *, status: str, message: str, now: float) -> None:
    """Record how an activity ended."""

    def change(activity: Document) -> None:
        activity |= {"StatusCode": status, "StatusMessage": message, "EndTime": now}

    store.update(ACTIVITY, activity_id, change)


def forget_old(store: Store, now: float) -> None:
    """Remove those older than AWS shows."""
    for activity in list(store.list(ACTIVITY, Query(created_before=now - _KEPT_SECONDS))):
        store.delete(ACTIVITY, activity["ActivityId"])


def _describe(service: Service, _caller: Any, request: Document) -> Document:
    newest_first = service.store.list(ACTIVITY, Query(descending=True))
    found = [activity for activity in newest_first if matches(activity, request)]
    return page(found, request, member="ScalingActivities", scope="DescribeScalingActivities")


OPERATIONS: dict[str, Operation] = {"DescribeScalingActivities": _describe}
