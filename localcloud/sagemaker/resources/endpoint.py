"""Endpoints: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html

What the endpoint supervisor finds in the document (``EndpointConfigName`` is always the config that serves, or that is
being created), and what it must write when done, beside EndpointStatus, FailureReason, ProductionVariants and
LastModifiedTime:

- create: status Creating, ``_TargetConfig`` (a copy of the endpoint config, which may be deleted meanwhile), and
  ``_DeploymentConfig`` if the request has one. On success move ``_TargetConfig`` to ``_ServingConfig``.
- update: status Updating, ``PendingDeploymentSummary`` (the new config's name and StartTime), ``_TargetConfig``,
  ``_DeploymentConfig`` if any, ``_RetainVariantProperties`` (the VariantPropertyTypes whose present values stay).
  On success: ``EndpointConfigName`` from the target, ``_ServingConfig``, ``LastDeploymentConfig``. On success and on
  rollback: remove ``PendingDeploymentSummary``, ``_TargetConfig``, ``_DeploymentConfig``, ``_RetainVariantProperties``.
- update_weights: status Updating, ``_DesiredWeightsAndCapacities`` (as in the request). When done: remove it.
- delete: status Deleting. When the processes have ended: ``store.delete("endpoint", name)``.
"""

from __future__ import annotations

from localcloud.sagemaker.errors import ApiError, ValidationException
from localcloud.sagemaker.limits import require_unique
from localcloud.sagemaker.resources import capacities, scaled_variants, traffic
from localcloud.sagemaker.resources.deployment import check_deployment
from localcloud.sagemaker.resources.endpoint_config import ENDPOINT_CONFIG
from localcloud.sagemaker.resources.listing import list_operation
from localcloud.sagemaker.resources.resource import Call, Document, Operation, Resource

ENDPOINT = Resource(
    kind="endpoint",
    noun="Endpoint",
    status_member="EndpointStatus",
    missing=lambda name, arn: ValidationException(f'Could not find endpoint "{arn}".'),
    taken=lambda name, arn: ValidationException(f'Cannot create already existing endpoint "{arn}".'),
    newest_first=True,
)

_IN_PROGRESS = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")
_VARIANT_PROPERTIES = ("DesiredInstanceCount", "DesiredWeight", "DataCaptureConfig")


def _create(call: Call, request: Document) -> Document:
    config = ENDPOINT_CONFIG.find(call, request["EndpointConfigName"])
    _require_grant(call, config)
    deployment = request.get("DeploymentConfig")
    if deployment is not None:
        check_deployment(deployment, None, config)
    document = {
        "EndpointName": request["EndpointName"],
        "EndpointConfigName": request["EndpointConfigName"],
        "EndpointStatus": "Creating",
        "LastModifiedTime": call.plane.now(),
        "_TargetConfig": config,
    }
    if deployment is not None:
        document["_DeploymentConfig"] = deployment
    endpoint = ENDPOINT.insert(call, request["EndpointName"], document, request.get("Tags", []))
    call.plane.endpoints.create(request["EndpointName"])
    return {"EndpointArn": endpoint["EndpointArn"]}


def _update(call: Call, request: Document) -> Document:
    name = request["EndpointName"]
    present = ENDPOINT.find(call, name)
    config = ENDPOINT_CONFIG.find(call, request["EndpointConfigName"])
    _require_grant(call, config)
    scaled_variants.require_kept(call.store, present, config)
    now = call.plane.now()

    def change(endpoint: Document) -> None:
        # Another update is the way out of UpdateRollbackFailed, in which the endpoint serves.
        _require_in_service(endpoint, "UpdateRollbackFailed")
        deployment = _deployment(request, endpoint)
        if deployment is not None:
            check_deployment(deployment, endpoint.get("_ServingConfig"), config)
            endpoint["_DeploymentConfig"] = deployment
        endpoint["EndpointStatus"] = "Updating"
        endpoint["LastModifiedTime"] = now
        endpoint["PendingDeploymentSummary"] = {"EndpointConfigName": request["EndpointConfigName"], "StartTime": now}
        endpoint["_TargetConfig"] = config
        endpoint["_RetainVariantProperties"] = _retained(request)
        endpoint.pop("FailureReason", None)

    endpoint = ENDPOINT.update(call, name, change)
    call.plane.endpoints.update(name)
    return {"EndpointArn": endpoint["EndpointArn"]}


def _require_grant(call: Call, config: Document) -> None:
    """The volumes of a config with a key are encrypted by a grant that the caller makes. An alias is not resolved.

    https://docs.aws.amazon.com/sagemaker/latest/dg/api-permissions-reference.html, CreateEndpoint: "kms:CreateGrant
    (required only if the associated EndPointConfig has a KmsKeyId specified)".
    """
    key = config.get("KmsKeyId", "")
    if key and "alias/" not in key:
        place = call.plane.config
        arn = key if key.startswith("arn:") else f"arn:aws:kms:{place.region}:{place.account}:key/{key}"
        call.require("kms:CreateGrant", arn, {"kms:GrantIsForAWSResource": "true"})


def _deployment(request: Document, endpoint: Document) -> Document | None:
    if not request.get("RetainDeploymentConfig"):
        return request.get("DeploymentConfig")
    if "DeploymentConfig" in request:
        raise ValidationException("DeploymentConfig may not be specified when RetainDeploymentConfig is true")
    return endpoint.get("LastDeploymentConfig")


def _retained(request: Document) -> list[str]:
    if not request.get("RetainAllVariantProperties"):
        return []
    excluded = {entry["VariantPropertyType"] for entry in request.get("ExcludeRetainedVariantProperties", [])}
    return [name for name in _VARIANT_PROPERTIES if name not in excluded]


def _update_weights(call: Call, request: Document) -> Document:
    name, desired = request["EndpointName"], request["DesiredWeightsAndCapacities"]
    require_unique((entry["VariantName"] for entry in desired), "variant name")
    now = call.plane.now()

    def change(endpoint: Document) -> None:
        _require_in_service(endpoint)
        variants = [*endpoint.get("ProductionVariants", []), *endpoint.get("ShadowProductionVariants", [])]
        known = {variant["VariantName"] for variant in variants}
        for entry in desired:
            if entry["VariantName"] not in known:
                raise ValidationException(
                    f'The variant name(s) "{entry["VariantName"]}" is/are not present within endpoint configuration '
                    f'"{endpoint["EndpointConfigName"]}".'
                )
        capacities.check(endpoint, desired)
        traffic.check_desired(endpoint, desired)
        endpoint |= {"EndpointStatus": "Updating", "LastModifiedTime": now, "_DesiredWeightsAndCapacities": desired}

    endpoint = ENDPOINT.update(call, name, change)
    call.plane.endpoints.update_weights(name)
    return {"EndpointArn": endpoint["EndpointArn"]}


def _delete(call: Call, request: Document) -> Document:
    name, now = request["EndpointName"], call.plane.now()

    def change(endpoint: Document) -> None:
        if endpoint["EndpointStatus"] in _IN_PROGRESS:
            raise _in_progress(endpoint)
        endpoint |= {"EndpointStatus": "Deleting", "LastModifiedTime": now}

    ENDPOINT.update(call, name, change)
    call.plane.endpoints.delete(name)
    return {}


def _require_in_service(endpoint: Document, *allowed: str) -> None:
    status = endpoint["EndpointStatus"]
    if status in _IN_PROGRESS:
        raise _in_progress(endpoint)
    if status not in ("InService", *allowed):
        raise ValidationException(
            f'Endpoint "{endpoint["EndpointArn"]}" is in status {status}: the only operation on it is DeleteEndpoint'
        )


def _in_progress(endpoint: Document) -> ApiError:
    return ValidationException(f'Cannot update in-progress endpoint "{endpoint["EndpointArn"]}".')


OPERATIONS: dict[str, Operation] = {
    "CreateEndpoint": _create,
    "DescribeEndpoint": lambda call, request: ENDPOINT.find(call, request["EndpointName"]),
    "ListEndpoints": list_operation(ENDPOINT, "ListEndpoints"),
    "UpdateEndpoint": _update,
    "UpdateEndpointWeightsAndCapacities": _update_weights,
    "DeleteEndpoint": _delete,
}
