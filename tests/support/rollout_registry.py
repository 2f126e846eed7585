"""Model packages and an endpoint for the plan of a rollout, as SageMaker and Application Auto Scaling describe them."""

from typing import Any

from plan_rollout.handler import handler

from tests.support.botocore_model import violations
from tests.support.loopback_aws import ServiceError

IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/slipway-dev-digits:of-the-package"
MODEL = "s3://slipway-artifacts/digits/training/slipway-dev-digits-0123456789ab/output/model.tar.gz"
GROUP = "arn:aws:sagemaker:eu-central-1:123456789012:model-package/slipway-dev-digits"
OLD = "slipway-dev-digits-v2-00000000"
CALLS = {"target": "RegisterScalableTarget", "policy": "PutScalingPolicy", "schedule": "PutScheduledAction"}
OPERATIONS = {"create": "CreateEndpoint", "update": "UpdateEndpoint", "weights": "UpdateEndpointWeightsAndCapacities"}


class Registry:
    """The packages of the group and the endpoint, as SageMaker knows them."""

    def __init__(self) -> None:
        self.approval = {1: "Approved", 2: "Approved", 3: "Approved"}
        self.approved_at = {1: 100.0, 2: 200.0, 3: 300.0}
        self.environment: dict[str, str] = {}
        self.metadata: dict[str, str] = {}
        self.endpoint: dict[str, Any] | None = None
        self.config: dict[str, Any] = {}
        self.config_tags: dict[str, str] = {}
        self.targets: dict[str, dict[str, Any]] = {}
        """Variant -> what Application Auto Scaling says of it."""

    def serves(
        self, *variants: tuple[str, int, float], status: str = "InService", scaled_to: int = 1, **rest: Any
    ) -> None:
        """`variants`: name, model version, weight."""
        self.config = {
            "EndpointConfigArn": f"arn:aws:sagemaker:eu-central-1:123456789012:endpoint-config/{OLD}",
            "CreationTime": 1.0,
            "ProductionVariants": [
                {
                    "VariantName": name,
                    "ModelName": model(version),
                    "InitialInstanceCount": 1,
                    "InstanceType": "ml.m5.large",
                }
                for name, version, _ in variants
            ],
        }
        self.endpoint = {
            "EndpointStatus": status,
            "EndpointConfigName": OLD,
            "ProductionVariants": [
                {"VariantName": name, "CurrentWeight": weight, "DesiredInstanceCount": scaled_to}
                for name, _, weight in variants
            ],
            **rest,
        }

    def describe_package(self, request: dict[str, Any]) -> dict[str, Any]:
        version = int(request["ModelPackageName"].rsplit("/", 1)[-1])
        container = {"Image": IMAGE, "ModelDataUrl": MODEL, "Environment": self.environment}
        return {
            "ModelPackageArn": f"{GROUP}/{version}",
            "ModelPackageVersion": version,
            "ModelApprovalStatus": self.approval[version],
            "CreationTime": float(version),
            "LastModifiedTime": self.approved_at[version],
            "InferenceSpecification": {"Containers": [container]},
            "CustomerMetadataProperties": self.metadata,
        }

    def list_packages(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = [version for version, status in self.approval.items() if status == request["ModelApprovalStatus"]]
        summaries = [
            {"ModelPackageArn": f"{GROUP}/{version}", "ModelPackageVersion": version, "CreationTime": float(version)}
            for version in sorted(wanted, reverse=True)
        ]
        return {"ModelPackageSummaryList": summaries}

    def describe_endpoint(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.endpoint is None:
            name = request["EndpointName"]
            raise ServiceError(
                "ValidationException", f'Could not find endpoint "arn:aws:sagemaker:x:1:endpoint/{name}".'
            )
        return {"EndpointName": request["EndpointName"], **self.endpoint}

    def describe_targets(self, request: dict[str, Any]) -> dict[str, Any]:
        found = [
            {**identity(variant), "RoleARN": "arn:role", "CreationTime": 1.0, **target["bounds"]}
            for variant, target in self.targets.items()
        ]
        return {"ScalableTargets": [each for each in found if each["ResourceId"] in request["ResourceIds"]]}

    def describe_of_target(self, member: str) -> Any:
        def describe(request: dict[str, Any]) -> dict[str, Any]:
            target = self.targets[request["ResourceId"].rsplit("/", 1)[-1]]
            return {member: [{"CreationTime": 1.0, **each} for each in target.get(member, [])]}

        return describe


def identity(variant: str) -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/slipway-dev-digits/variant/{variant}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


def model(version: int) -> str:
    return f"slipway-dev-digits-v{version}-0000000{version}"


def plan(event: dict[str, Any], context: Any, **order: Any) -> dict[str, Any]:
    """`order`: a command in the place of the approval."""
    planned = handler({**event, "event": order} if order else event, context)
    if planned["model"]:
        assert violations("sagemaker", "CreateModel", planned["model"]) == []
    for step in planned["steps"]:
        assert violations("sagemaker", OPERATIONS[step["action"]], step["request"]) == []
        if step["endpoint_config"]:
            assert violations("sagemaker", "CreateEndpointConfig", step["endpoint_config"]) == []
    check_scaling(planned)
    for member, operation in (("restore", "UpdateEndpoint"), ("resize_back", "UpdateEndpointWeightsAndCapacities")):
        if planned[member] is not None:
            assert violations("sagemaker", operation, planned[member]) == []
    return planned


def check_scaling(planned: dict[str, Any]) -> None:
    released = [*planned["release_back"], *(request for step in planned["steps"] for request in step["release"])]
    for request in released:
        assert violations("application-autoscaling", "DeregisterScalableTarget", request) == []
    for call in [*planned["scale_back"], *(call for step in planned["steps"] for call in step["scale"])]:
        assert violations("application-autoscaling", CALLS[call["call"]], call["request"]) == []


def production(step: dict[str, Any]) -> dict[str, tuple[str, float, int]]:
    return {
        variant["VariantName"]: (
            variant["ModelName"],
            variant["InitialVariantWeight"],
            variant["InitialInstanceCount"],
        )
        for variant in step["endpoint_config"]["ProductionVariants"]
    }


def weights(request: dict[str, Any]) -> dict[str, float]:
    return {entry["VariantName"]: entry["DesiredWeight"] for entry in request["DesiredWeightsAndCapacities"]}
