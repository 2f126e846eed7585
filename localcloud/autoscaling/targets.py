"""Scalable targets: https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html"""

from __future__ import annotations

import secrets
from typing import Any

from localcloud.autoscaling import policies, schedules
from localcloud.autoscaling.errors import ResourceNotFoundException, TooManyTagsException
from localcloud.autoscaling.service import (
    ACTION,
    POLICY,
    TARGET,
    Document,
    Operation,
    Service,
    check_target,
    find,
    key,
    matches,
    missing,
    page,
    target_arn,
)
from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.store import AlreadyExists, NotFound

_NOT_SUSPENDED = {
    "DynamicScalingInSuspended": False,
    "DynamicScalingOutSuspended": False,
    "ScheduledScalingSuspended": False,
}
_MAX_TAGS = 50


def _register(service: Service, caller: Any, request: Document) -> Document:
    check_target(request)
    found = find(service, TARGET, key(request))
    document = {**(found or _new(service, request)), **_given(request)}
    _check_capacity(document)
    service.variants.require(request["ResourceId"], document["MinCapacity"])
    if found is None:
        document["RoleARN"] = service.role(caller)
        try:
            service.store.create(TARGET, key(request), document)
        except AlreadyExists:
            found = document  # another request registered it just now: this one changes it
    if found is not None:
        if request.get("Tags"):
            raise ValidationException("Tags can be given to a new scalable target only; use TagResource")
        document = service.store.update(TARGET, key(request), lambda stored: stored.update(_given(request)))
    return {"ScalableTargetARN": document["ScalableTargetARN"]}


def _new(service: Service, request: Document) -> Document:
    for member in ("MinCapacity", "MaxCapacity"):
        if member not in request:
            raise ValidationException(f"{member} must be specified for a scalable target that is not registered yet")
    if len(request.get("Tags", {})) > _MAX_TAGS:
        raise TooManyTagsException(f"A scalable target takes {_MAX_TAGS} tags")
    return {
        "ServiceNamespace": request["ServiceNamespace"],
        "ResourceId": request["ResourceId"],
        "ScalableDimension": request["ScalableDimension"],
        "SuspendedState": _NOT_SUSPENDED,
        "CreationTime": service.now(),
        "ScalableTargetARN": target_arn(service.config, secrets.token_hex(18)),
        "_Tags": request.get("Tags", {}),
    }


def _given(request: Document) -> Document:
    """What a registration sets. RoleARN is ignored, as AWS does where a service-linked role is used."""
    given = {member: request[member] for member in ("MinCapacity", "MaxCapacity") if member in request}
    if "SuspendedState" in request:
        given["SuspendedState"] = {**_NOT_SUSPENDED, **request["SuspendedState"]}
    return given


def _check_capacity(target: Document) -> None:
    minimum, maximum = target["MinCapacity"], target["MaxCapacity"]
    if minimum < 0:
        raise ValidationException(f"Minimum capacity cannot be negative, found {minimum}")
    if maximum < minimum:
        raise ValidationException(f"Maximum capacity {maximum} cannot be less than minimum capacity {minimum}")


def _deregister(service: Service, _caller: Any, request: Document) -> Document:
    """Its policies with their alarms, and its scheduled actions, go with it."""
    check_target(request)
    if find(service, TARGET, key(request)) is None:
        raise missing("scalable target", request)
    for policy in [found for found in service.store.list(POLICY) if matches(found, request)]:
        policies.remove(service, policy)
    for action in [found for found in service.store.list(ACTION) if matches(found, request)]:
        schedules.remove(service, action)
    try:
        service.store.delete(TARGET, key(request))
    except NotFound:
        raise missing("scalable target", request) from None
    return {}


def _describe(service: Service, _caller: Any, request: Document) -> Document:
    wanted = request.get("ResourceIds")
    found = [target for target in service.store.list(TARGET) if matches(target, request)]
    found = [target for target in found if wanted is None or target["ResourceId"] in wanted]
    return page(found, request, member="ScalableTargets", scope="DescribeScalableTargets")


def _by_arn(service: Service, arn: str) -> Document:
    for target in service.store.list(TARGET):
        if target["ScalableTargetARN"] == arn:
            return target
    raise ResourceNotFoundException(f"The specified resource {arn} doesn't exist.")


def _tag(service: Service, _caller: Any, request: Document) -> Document:
    target = _by_arn(service, request["ResourceARN"])

    def change(stored: Document) -> None:
        stored["_Tags"] = {**stored["_Tags"], **request["Tags"]}
        if len(stored["_Tags"]) > _MAX_TAGS:
            raise TooManyTagsException(f"A scalable target takes {_MAX_TAGS} tags")

    service.store.update(TARGET, key(target), change)
    return {}


def _untag(service: Service, _caller: Any, request: Document) -> Document:
    target = _by_arn(service, request["ResourceARN"])

    def change(stored: Document) -> None:
        stored["_Tags"] = {name: value for name, value in stored["_Tags"].items() if name not in request["TagKeys"]}

    service.store.update(TARGET, key(target), change)
    return {}


OPERATIONS: dict[str, Operation] = {
    "RegisterScalableTarget": _register,
    "DeregisterScalableTarget": _deregister,
    "DescribeScalableTargets": _describe,
    "TagResource": _tag,
    "UntagResource": _untag,
    "ListTagsForResource": lambda service, _caller, request: {
        "Tags": _by_arn(service, request["ResourceARN"])["_Tags"]
    },
}
