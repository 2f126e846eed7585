"""What a rollout will do, as plain data: nothing is created here."""

import re
from typing import Any

from shared import descriptor as descriptors
from shared import endpoints
from shared.descriptor import Descriptor
from shared.errors import InvalidInput, SlipwayError
from shared.fields import take, take_matching
from shared.names import WORKLOAD, model_name

from plan_rollout import requests

_EXECUTION = re.compile(r".{1,80}")
# DescribeEndpoint, EndpointStatus: states that pass by themselves.
_TRANSIENT = {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}


class PackageNotApproved(SlipwayError):
    """The model package lost its approval between the event and now."""


class EndpointBusy(SlipwayError):
    """The endpoint is in a state that passes: try again later."""


class EndpointNotUpdatable(SlipwayError):
    """The endpoint is in a state that UpdateEndpoint refuses and that does not pass by itself."""


def plan(event: dict[str, Any], *, ssm: Any, sagemaker: Any, workloads_path: str) -> dict[str, Any]:
    """The state's output: the three requests, whether the endpoint exists, and the config it has now."""
    workload = take_matching(event, "workload", WORKLOAD)
    execution = take_matching(event, "execution", _EXECUTION)
    descriptor = descriptors.read(ssm, path=workloads_path, workload=workload)
    package = _approved_package(sagemaker, descriptor, take(event, "event", dict))
    version = package["ModelPackageVersion"]
    endpoint = endpoints.describe(sagemaker, descriptor["endpoint_name"])
    _require_updatable(endpoint)
    name = model_name(descriptor["job_prefix"], version=version, execution=execution)
    request = requests.update_endpoint if endpoint else requests.create_endpoint
    return {
        "workload": workload,
        "model_version": str(version),
        "model": requests.model(descriptor, package, name=name, version=version),
        "endpoint_config": requests.endpoint_config(descriptor, name=name, version=version),
        "endpoint": request(descriptor, config=name),
        "exists": endpoint is not None,
        "previous_endpoint_config_name": endpoint["EndpointConfigName"] if endpoint else None,
    }


def _approved_package(sagemaker: Any, descriptor: Descriptor, event: dict[str, Any]) -> dict[str, Any]:
    """The package that the event names, as it is now: the event may be hours old."""
    detail = take(event, "detail", dict, where="event")
    group, arn = (
        take(detail, name, str, where="event.detail") for name in ("ModelPackageGroupName", "ModelPackageArn")
    )
    if group != descriptor["model_package_group"]:
        raise InvalidInput(
            f"event.detail.ModelPackageGroupName is {group!r}, expected {descriptor['model_package_group']!r}"
        )
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    if package.get("ModelApprovalStatus") != "Approved":
        raise PackageNotApproved(f"{arn} is {package.get('ModelApprovalStatus')}, not Approved: it is not rolled out")
    return package


def _require_updatable(endpoint: dict[str, Any] | None) -> None:
    if endpoint is None or endpoint["EndpointStatus"] == "InService":
        return
    name, status = endpoint["EndpointName"], endpoint["EndpointStatus"]
    if status in _TRANSIENT:
        raise EndpointBusy(f"endpoint {name} is {status}: the rollout has to wait until it is InService")
    raise EndpointNotUpdatable(
        f"endpoint {name} is {status} ({endpoint.get('FailureReason', 'no reason given')}) and cannot be updated: "
        f"delete it (aws sagemaker delete-endpoint --endpoint-name {name}) and approve the model package again"
    )
