"""CloudFormation's resource types of SageMaker, made by calls of the API.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_SageMaker.html
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from localcloud.cloudformation_values import typed

_ENDPOINT_SECONDS = 1800.0
_POLL_SECONDS = 0.2
_SETTLED = ("InService", "Failed", "UpdateRollbackFailed")

Properties = dict[str, Any]
Created = tuple[str, dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """One type. ``updatable`` are the properties that an Update call changes; any other one means a replacement.
    ``update_only`` are those of them that the Create call does not know.

    A resource's physical id is its ARN, as ``Ref`` of these types returns it.
    """

    noun: str
    updatable: frozenset[str] = frozenset()
    update_only: frozenset[str] = frozenset()
    attributes: tuple[str, ...] = ()
    settles: bool = False

    @property
    def name(self) -> str:
        return f"{self.noun}Name"

    @property
    def arn(self) -> str:
        return f"{self.noun}Arn"


_ENDPOINT_UPDATE = frozenset(
    {"RetainAllVariantProperties", "ExcludeRetainedVariantProperties", "RetainDeploymentConfig"}
)
TYPES = {
    "AWS::SageMaker::ModelPackageGroup": ResourceType(
        noun="ModelPackageGroup", attributes=("ModelPackageGroupArn", "ModelPackageGroupStatus")
    ),
    "AWS::SageMaker::Model": ResourceType(noun="Model"),
    "AWS::SageMaker::EndpointConfig": ResourceType(noun="EndpointConfig"),
    "AWS::SageMaker::Endpoint": ResourceType(
        noun="Endpoint",
        updatable=frozenset({"EndpointConfigName", "DeploymentConfig", *_ENDPOINT_UPDATE}),
        update_only=_ENDPOINT_UPDATE,
        settles=True,
    ),
}


class ResourceFailed(Exception):
    """The resource cannot be made; the message becomes the stack event's reason."""


class Provisioner:
    """Creates, updates and deletes resources of one type. Blocks; call it in a thread. ``client`` gives the API."""

    def __init__(self, resource_type: ResourceType, client: Callable[[], Any]) -> None:
        self._type = resource_type
        self._client = client

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:
        """The physical id and the attributes of a new resource."""
        name = properties.get(self._type.name) or _generated(stack_name, logical_id)
        given = {key: value for key, value in properties.items() if key not in self._type.update_only}
        self._call("Create", {**_request(given), self._type.name: name})
        try:
            return self._settled(name)
        except ResourceFailed:
            # The stack does not know of it yet, so its rollback would leave it behind.
            self.delete(name, {self._type.name: name})
            raise

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str) -> Created:
        """In place where the API can, otherwise a new resource; the stack's clean-up deletes the old one."""
        changed = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)} - {"Tags"}
        name = old.get(self._type.name) or _name(physical_id)
        if not changed <= self._type.updatable:
            if new.get(self._type.name) == name:
                raise ResourceFailed(
                    f"CloudFormation cannot update {name} when a custom-named resource requires replacing: "
                    f"{', '.join(sorted(changed))} changed. Rename it."
                )
            return self.create(logical_id, new, stack_name)
        if changed:
            members = self._type.updatable & new.keys()
            request = {self._type.name: name, **_request({member: new[member] for member in members})}
            self._call("Update", request)
            self._check_updated(name, request)
        self._retag(physical_id, old, new)
        return self._settled(name)

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Delete it; one that is gone already is fine."""
        name = properties.get(self._type.name) or _name(physical_id)
        try:
            self._call("Delete", {self._type.name: name})
        except ClientError as error:
            if not _missing(error):
                raise
            return
        if self._type.settles:
            self._gone(name)

    def _call(self, verb: str, request: dict[str, Any]) -> dict[str, Any]:
        client, operation = self._client(), f"{verb}{self._type.noun}"
        return client._make_api_call(operation, typed(self._shape(operation), request))

    def _shape(self, operation: str) -> Any:
        model = self._client().meta.service_model
        return model.operation_model(operation).input_shape

    def _describe(self, name: str) -> dict[str, Any]:
        return self._call("Describe", {self._type.name: name})

    def _settled(self, name: str) -> Created:
        deadline = time.monotonic() + _ENDPOINT_SECONDS
        description = self._describe(name)
        while self._type.settles and description[f"{self._type.noun}Status"] not in _SETTLED:
            if time.monotonic() > deadline:
                raise ResourceFailed(f"{name} did not become InService within {_ENDPOINT_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS)
            description = self._describe(name)
        if self._type.settles and description[f"{self._type.noun}Status"] != "InService":
            raise ResourceFailed(f"{name}: {description.get('FailureReason', 'no reason given')}")
        arn = description[self._type.arn]
        attributes = {self._type.name: name, **{key: str(description[key]) for key in self._type.attributes}}
        return arn, attributes

    def _check_updated(self, name: str, request: dict[str, Any]) -> None:
        """An endpoint whose update was rolled back is in service again, with its old config."""
        if not self._type.settles:
            return
        self._settled(name)
        description = self._describe(name)
        if description.get("EndpointConfigName") != request["EndpointConfigName"]:
            raise ResourceFailed(f"{name}: {description.get('FailureReason', 'the update was rolled back')}")

    def _gone(self, name: str) -> None:
        deadline = time.monotonic() + _ENDPOINT_SECONDS
        while time.monotonic() < deadline:
            try:
                self._describe(name)
            except ClientError as error:
                if _missing(error):
                    return
                raise
            time.sleep(_POLL_SECONDS)
        raise ResourceFailed(f"{name} was not deleted within {_ENDPOINT_SECONDS:.0f} s")

    def _retag(self, arn: str, old: Properties, new: Properties) -> None:
        before, after = _tags(old), _tags(new)
        removed = sorted(before.keys() - after.keys())
        if removed:
            self._client().delete_tags(ResourceArn=arn, TagKeys=removed)
        if after != before and after:
            self._client().add_tags(ResourceArn=arn, Tags=[{"Key": key, "Value": after[key]} for key in after])


def _request(value: Any) -> Any:
    """The API's request: what ``Ref`` gives for the SageMaker types is an ARN, where the API wants a name."""
    if isinstance(value, dict):
        return {key: _request(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_request(part) for part in value]
    if isinstance(value, str) and value.startswith("arn:aws:sagemaker:") and ":model-package" not in value:
        return _name(value)
    return value


def _name(arn_or_name: str) -> str:
    return arn_or_name.rsplit("/", 1)[-1]


def _generated(stack_name: str, logical_id: str) -> str:
    """In lower case, as ARNs are: the name must be found in the physical id."""
    return f"{logical_id}-{stack_name}"[:50].rstrip("-").lower() + f"-{uuid.uuid4().hex[:12]}"


def _tags(properties: Properties) -> dict[str, str]:
    return {tag["Key"]: str(tag["Value"]) for tag in properties.get("Tags") or []}


def _missing(error: ClientError) -> bool:
    """SageMaker says "not found" by ValidationException for most resources."""
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"].lower()
    return code == "ResourceNotFound" or "could not find" in message or "does not exist" in message
