"""Endpoint configs: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html"""

from __future__ import annotations

from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.limits import require_member, require_one_of, require_s3_uri, require_unique
from localcloud.sagemaker.resources import inference_modes, traffic
from localcloud.sagemaker.resources.listing import list_operation
from localcloud.sagemaker.resources.model import MODEL
from localcloud.sagemaker.resources.resource import Call, Document, Operation, Resource

ENDPOINT_CONFIG = Resource(
    kind="endpoint-config",
    noun="EndpointConfig",
    missing=lambda name, arn: ValidationException(f'Could not find endpoint configuration "{arn}".'),
    taken=lambda name, arn: ValidationException(f'Cannot create already existing endpoint configuration "{arn}".'),
    newest_first=True,
)


def _create(call: Call, request: Document) -> Document:
    production, shadow = request["ProductionVariants"], request.get("ShadowProductionVariants", [])
    require_unique((variant["VariantName"] for variant in [*production, *shadow]), "variant name")
    if shadow and (len(production), len(shadow)) != (1, 1):
        raise ValidationException(
            "With ShadowProductionVariants there must be exactly one production variant and one shadow variant; "
            f"found {len(production)} and {len(shadow)}"
        )
    traffic.check_initial(production)
    if "DataCaptureConfig" in request:
        require_s3_uri(request["DataCaptureConfig"]["DestinationS3Uri"], "dataCaptureConfig.destinationS3Uri")
    document = {member: value for member, value in request.items() if member != "Tags"}
    for member in ("ProductionVariants", "ShadowProductionVariants"):
        if member in request:
            document[member] = [_variant(call, *numbered, member) for numbered in enumerate(request[member], 1)]
    inference_modes.check(request, {v["ModelName"]: MODEL.find(call, v["ModelName"]) for v in production})
    call.pass_role(request.get("ExecutionRoleArn"))
    config = ENDPOINT_CONFIG.insert(call, request["EndpointConfigName"], document, request.get("Tags", []))
    return {"EndpointConfigArn": config["EndpointConfigArn"]}


def _variant(call: Call, index: int, variant: Document, member: str) -> Document:
    path = f"{member[0].lower()}{member[1:]}.{index}.member"
    MODEL.find(call, require_member(variant, "ModelName", f"{path}.modelName"))
    if require_one_of(variant, ("InstanceType", "ServerlessConfig"), path) == "InstanceType":
        require_member(variant, "InitialInstanceCount", f"{path}.initialInstanceCount")
    elif "InitialInstanceCount" in variant:
        raise ValidationException(f"InitialInstanceCount may not be specified with ServerlessConfig in {path}")
    return {"InitialVariantWeight": traffic.DEFAULT_WEIGHT, **variant}


def _delete(call: Call, request: Document) -> Document:
    # SageMaker lets a config in use be deleted (and advises against it): a running endpoint keeps its own copy.
    ENDPOINT_CONFIG.remove(call, request["EndpointConfigName"])
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateEndpointConfig": _create,
    "DescribeEndpointConfig": lambda call, request: ENDPOINT_CONFIG.find(call, request["EndpointConfigName"]),
    "ListEndpointConfigs": list_operation(ENDPOINT_CONFIG, "ListEndpointConfigs"),
    "DeleteEndpointConfig": _delete,
}
