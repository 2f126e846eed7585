"""CloudFormation's resource types of Application Auto Scaling, made by calls of the API.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ApplicationAutoScaling.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from localcloud.cloudformation import Created, Properties, ResourceFailed
from localcloud.cloudformation_values import typed

_IDENTITY = ("ServiceNamespace", "ResourceId", "ScalableDimension")


class _Provisioner:
    """What both types have in common. Blocks; call it in a thread. ``client`` gives the API."""

    def __init__(self, client: Callable[[], Any]) -> None:
        self._client = client

    def _call(self, operation: str, request: Properties) -> dict[str, Any]:
        client = self._client()
        shape = client.meta.service_model.operation_model(operation).input_shape
        return client._make_api_call(operation, typed(shape, request))

    def _remove(self, operation: str, request: Properties) -> None:
        """What is gone already is fine."""
        try:
            self._call(operation, request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ObjectNotFoundException":
                raise


class ScalableTarget(_Provisioner):
    """AWS::ApplicationAutoScaling::ScalableTarget. The physical id is ``resource id|dimension|namespace``."""

    TYPE = "AWS::ApplicationAutoScaling::ScalableTarget"

    def create(self, _logical_id: str, properties: Properties, _stack_name: str) -> Created:
        self._put({}, properties)
        return _target_id(properties), {"Id": _target_id(properties)}

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str) -> Created:
        """In place, unless it is another target; the stack's clean-up deregisters the old one."""
        if _target_id(new) != physical_id:
            return self.create(logical_id, new, stack_name)
        self._put(old, new)
        return physical_id, {"Id": physical_id}

    def delete(self, physical_id: str, _properties: Properties) -> None:
        self._remove("DeregisterScalableTarget", _identity(physical_id))

    def _put(self, old: Properties, new: Properties) -> None:
        members = ("MinCapacity", "MaxCapacity", "RoleARN", "SuspendedState")
        request = {name: new[name] for name in (*_IDENTITY, *members) if name in new}
        self._call("RegisterScalableTarget", request)
        before = {action["ScheduledActionName"]: action for action in old.get("ScheduledActions") or []}
        after = {action["ScheduledActionName"]: action for action in new.get("ScheduledActions") or []}
        identity = {name: new[name] for name in _IDENTITY}
        for name in before.keys() - after.keys():
            self._remove("DeleteScheduledAction", {**identity, "ScheduledActionName": name})
        for action in after.values():
            self._call("PutScheduledAction", {**identity, **action})


class ScalingPolicy(_Provisioner):
    """AWS::ApplicationAutoScaling::ScalingPolicy. The physical id is the policy's ARN."""

    TYPE = "AWS::ApplicationAutoScaling::ScalingPolicy"

    def create(self, _logical_id: str, properties: Properties, _stack_name: str) -> Created:
        answer = self._call("PutScalingPolicy", _policy(properties))
        return answer["PolicyARN"], {"Arn": answer["PolicyARN"]}

    def update(self, _physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str) -> Created:
        """In place; of another name or on another target it is a new one, and the stack's clean-up deletes the old."""
        before, after = _policy(old), _policy(new)
        same = all(before.get(name) == after.get(name) for name in (*_IDENTITY, "PolicyName"))
        if same and before.get("PolicyType") != after.get("PolicyType"):
            raise ResourceFailed(
                f"CloudFormation cannot update {after['PolicyName']} when a custom-named resource requires replacing: "
                "PolicyType changed. Rename it."
            )
        return self.create(logical_id, new, stack_name)

    def delete(self, _physical_id: str, properties: Properties) -> None:
        policy = _policy(properties)
        self._remove("DeleteScalingPolicy", {name: policy[name] for name in (*_IDENTITY, "PolicyName")})


TYPES: dict[str, type[ScalableTarget] | type[ScalingPolicy]] = {
    provisioner.TYPE: provisioner for provisioner in (ScalableTarget, ScalingPolicy)
}


def _target_id(properties: Properties) -> str:
    return "|".join(str(properties.get(name, "")) for name in ("ResourceId", "ScalableDimension", "ServiceNamespace"))


def _identity(target_id: str) -> Properties:
    resource_id, dimension, namespace = target_id.split("|")
    return {"ServiceNamespace": namespace, "ResourceId": resource_id, "ScalableDimension": dimension}


def _policy(properties: Properties) -> Properties:
    """A PutScalingPolicy request: ScalingTargetId stands for the three members that name the target."""
    request = {name: value for name, value in properties.items() if name != "ScalingTargetId"}
    if "ScalingTargetId" in properties:
        request |= _identity(properties["ScalingTargetId"])
    return request
