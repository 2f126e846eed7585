"""What SageMaker tells EventBridge about changes of its resources.

https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html: the detail is the resource's
description with its tags as a map. Times are epoch milliseconds, but ISO 8601 in model package events; the status of an
endpoint is in capitals (``IN_SERVICE``). SageMaker may send an event more than once, and so may the store.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from botocore.model import Shape

from localcloud.sagemaker.resources.tags import tags_of
from localcloud.sagemaker.service_model import operation_model, project
from localcloud.sagemaker.store import Store

Document = dict[str, Any]
SOURCE = "aws.sagemaker"

# What an update may change, as UpdatedModelPackageFields names it.
_PACKAGE_FIELDS = (
    "ModelApprovalStatus",
    "ApprovalDescription",
    "SourceUri",
    "CustomerMetadataProperties",
    "InferenceSpecification",
    "ModelLifeCycle",
)


class Publish(Protocol):
    """Puts one event on the default bus as the service itself; raises when it could not."""

    def __call__(self, source: str, detail_type: str, detail: Document, resources: list[str]) -> None: ...


@dataclass(frozen=True, kw_only=True)
class _EventType:
    """One detail type. ``watched`` are the members whose change is news; none: creation and deletion are."""

    name: str
    noun: str
    watched: tuple[str, ...] = ()
    time: Callable[[float], Any] = lambda seconds: round(seconds * 1000)

    def is_news(self, before: Document | None, after: Document | None) -> bool:
        if before is None:
            return True
        if after is None:
            return not self.watched
        return any(before.get(member) != after.get(member) for member in self.watched)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_TYPES = {
    "training-job": _EventType(
        name="SageMaker Training Job State Change",
        noun="TrainingJob",
        watched=("TrainingJobStatus", "SecondaryStatus"),
    ),
    "processing-job": _EventType(
        name="SageMaker Processing Job State Change", noun="ProcessingJob", watched=("ProcessingJobStatus",)
    ),
    "hyper-parameter-tuning-job": _EventType(
        name="SageMaker HyperParameter Tuning Job State Change",
        noun="HyperParameterTuningJob",
        watched=("HyperParameterTuningJobStatus",),
    ),
    "transform-job": _EventType(
        name="SageMaker Transform Job State Change", noun="TransformJob", watched=("TransformJobStatus",)
    ),
    "endpoint": _EventType(name="SageMaker Endpoint State Change", noun="Endpoint", watched=("EndpointStatus",)),
    "endpoint-config": _EventType(name="SageMaker Endpoint Config State Change", noun="EndpointConfig"),
    "model": _EventType(name="SageMaker Model State Change", noun="Model"),
    "model-package": _EventType(
        name="SageMaker Model Package State Change",
        noun="ModelPackage",
        watched=("ModelPackageStatus", "LastModifiedTime"),
        time=_iso,
    ),
}


class EventPublisher:
    """Subscribes to a store and publishes what its changes amount to."""

    def __init__(self, store: Store, publish: Publish) -> None:
        self._publish = publish
        store.subscribe(self._changed)

    def _changed(self, kind: str, before: Document | None, after: Document | None) -> None:
        event_type = _TYPES.get(kind)
        if event_type is None or not event_type.is_news(before, after):
            return
        document = after if after is not None else before
        arn = document[f"{event_type.noun}Arn"]
        shape = operation_model(f"Describe{event_type.noun}").output_shape
        detail = _with_times(shape, project(shape, document), event_type.time)
        detail["Tags"] = {tag["Key"]: tag["Value"] for tag in tags_of(document)}
        if kind == "endpoint":
            detail["EndpointStatus"] = _capitals(detail["EndpointStatus"])
        if kind == "model-package":
            detail |= _package_members(before, document)
        self._publish(SOURCE, event_type.name, detail, [arn])


def _package_members(before: Document | None, package: Document) -> Document:
    name = package["ModelPackageArn"].split(":model-package/", 1)[1]
    members: Document = {"ModelPackageName": name}
    if before is not None:
        updated = [member for member in _PACKAGE_FIELDS if before.get(member) != package.get(member)]
        members["UpdatedModelPackageFields"] = updated
    return members


def _capitals(status: str) -> str:
    """InService -> IN_SERVICE."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", status).upper()


def _with_times(shape: Shape, value: Any, time: Callable[[float], Any]) -> Any:
    """A projected document with its timestamps as the event type shows them."""
    if shape.type_name == "structure":
        return {name: _with_times(shape.members[name], part, time) for name, part in value.items()}
    if shape.type_name == "list":
        return [_with_times(shape.member, item, time) for item in value]
    if shape.type_name == "map":
        return {key: _with_times(shape.value, item, time) for key, item in value.items()}
    return time(value) if shape.type_name == "timestamp" else value
