"""Workloads as the API shows them: their descriptor, and their endpoint as it is now."""

from typing import Any

from shared import descriptor as descriptors
from shared import endpoints
from shared.descriptor import Descriptor
from shared.errors import UnknownWorkload
from shared.http import ApiError, Request, respond
from shared.names import model_version

NOT_DEPLOYED = "NotDeployed"


def describe(request: Request, *, ssm: Any, sagemaker: Any, workloads_path: str) -> dict[str, Any]:
    """The proxy response: one workload when the path names one, else `{"workloads": [...]}` by name."""
    name = request.path_parameters.get("name")
    if name is None:
        found = descriptors.read_all(ssm, path=workloads_path)
        return respond(200, {"workloads": [_view(sagemaker, descriptor) for descriptor in found]})
    try:
        descriptor = descriptors.read(ssm, path=workloads_path, workload=name)
    except UnknownWorkload as error:
        raise ApiError(404, "unknown_workload", f"there is no workload named {name[:64]!r}") from error
    return respond(200, _view(sagemaker, descriptor))


def _view(sagemaker: Any, descriptor: Descriptor) -> dict[str, Any]:
    """`status` is DescribeEndpoint's EndpointStatus, or NotDeployed before the first rollout; `updated` is ISO 8601."""
    endpoint = endpoints.describe(sagemaker, descriptor["endpoint_name"])
    variants = _variants(sagemaker, endpoint) if endpoint else []
    versions = [variant["model_version"] for variant in variants if variant["model_version"]]
    return {
        "name": descriptor["name"],
        "description": descriptor["description"],
        "status": endpoint["EndpointStatus"] if endpoint else NOT_DEPLOYED,
        "endpoint": descriptor["endpoint_name"],
        "model_version": versions[0] if versions else None,
        "variants": variants,
        "updated": endpoint["LastModifiedTime"].isoformat() if endpoint else None,
        "gate": descriptor["gate"],
    }


def _variants(sagemaker: Any, endpoint: dict[str, Any]) -> list[dict[str, Any]]:
    """The serving variants, each with its current weight and the model version that its model's name carries."""
    config = endpoints.describe_config(sagemaker, endpoint["EndpointConfigName"])
    models = {v["VariantName"]: v["ModelName"] for v in config["ProductionVariants"]} if config else {}
    return [
        {
            "name": variant["VariantName"],
            "weight": variant.get("CurrentWeight"),
            "instances": variant.get("CurrentInstanceCount"),
            "model_version": model_version(models.get(variant["VariantName"], "")),
        }
        for variant in endpoint.get("ProductionVariants", [])
    ]
