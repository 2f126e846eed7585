"""The requests of one rollout, exactly as Step Functions passes them to SageMaker."""

from typing import Any

from shared.descriptor import Descriptor, Rollout, Serverless
from shared.instances import volume_key
from shared.names import capture_uri

from plan_rollout.scaling import bounded
from plan_rollout.serving import ASKED_INSTANCES

DEPLOYMENT_LIMIT_SECONDS = 12_600
"""When SageMaker gives an update up and goes back; how long it tries otherwise is not documented. Later than the
longest watch of a manifest ends, and before the state machine stops waiting (infra/rollout/wait.py)."""

_LIMIT = {"MaximumExecutionTimeoutInSeconds": DEPLOYMENT_LIMIT_SECONDS}


def model(descriptor: Descriptor, package: dict[str, Any], *, name: str, version: int) -> dict[str, Any]:
    """The CreateModel request: image and artifact as the model package was registered with them."""
    container = package["InferenceSpecification"]["Containers"][0]
    environment = {
        **container.get("Environment", {}),
        **descriptor["serving"]["environment"],
        "SLIPWAY_MODEL_VERSION": str(version),
        "SLIPWAY_ENDPOINT_NAME": descriptor["endpoint_name"],
        **_identity(package),
    }
    return {
        "ModelName": name,
        "ExecutionRoleArn": descriptor["serving"]["role_arn"],
        "PrimaryContainer": {
            "Image": container["Image"],
            "ModelDataUrl": container["ModelDataUrl"],
            "Environment": environment,
        },
        # SageMaker refuses it for serverless endpoints, which the manifest has to accept.
        **({} if descriptor["serving"]["serverless"] else {"EnableNetworkIsolation": True}),
        "Tags": _tags(descriptor, version),
    }


def _identity(package: dict[str, Any]) -> dict[str, str]:
    """By which the model server knows the files that were evaluated; older versions were registered without."""
    sha256 = package.get("CustomerMetadataProperties", {}).get("model-sha256")
    return {"SLIPWAY_MODEL_SHA256": sha256} if sha256 else {}


def variant(
    descriptor: Descriptor, *, name: str, model: str, instances: int | None = None, weight: float = 1.0
) -> dict[str, Any]:
    """A ProductionVariant. `instances`: what it was scaled to, which a rollout keeps; else the manifest's count. Either
    within the bounds of the manifest's autoscaling: a registration does not move what lies outside of them.
    """
    serving = descriptor["serving"]
    if serving["serverless"]:
        return {
            "VariantName": name,
            "ModelName": model,
            "ServerlessConfig": _serverless(serving["serverless"]),
            "InitialVariantWeight": weight,
        }
    return {
        "VariantName": name,
        "ModelName": model,
        "InstanceType": serving["instance_type"],
        "InitialInstanceCount": bounded(descriptor, instances or serving["instance_count"]),
        "InitialVariantWeight": weight,
    }


def _serverless(serverless: Serverless) -> dict[str, int]:
    """ProductionVariantServerlessConfig."""
    kept = serverless["provisioned_concurrency"]
    return {
        "MemorySizeInMB": serverless["memory_mb"],
        "MaxConcurrency": serverless["max_concurrency"],
        **({"ProvisionedConcurrency": kept} if kept else {}),
    }


def endpoint_config(
    descriptor: Descriptor,
    *,
    name: str,
    version: int,
    production: list[dict[str, Any]],
    shadow: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """The CreateEndpointConfig request."""
    return {
        "EndpointConfigName": name,
        "ProductionVariants": production,
        **({"ShadowProductionVariants": shadow} if shadow else {}),
        **volume_key(descriptor["serving"]["instance_type"], descriptor["kms_key_arn"], member="KmsKeyId"),
        **_data_capture(descriptor, config=name),
        "Tags": [
            *_tags(descriptor, version),
            {"Key": ASKED_INSTANCES, "Value": str(descriptor["serving"]["instance_count"])},
        ],
    }


def _data_capture(descriptor: Descriptor, *, config: str) -> dict[str, Any]:
    """A folder of its own for each config, so that what one model was asked is never taken for another's."""
    monitoring = descriptor["monitoring"]
    if monitoring is None:
        return {}
    return {
        "DataCaptureConfig": {
            "EnableCapture": True,
            "InitialSamplingPercentage": monitoring["sampling_percent"],
            "DestinationS3Uri": capture_uri(descriptor["artifacts"], config=config),
            "KmsKeyId": descriptor["kms_key_arn"],
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {
                "CsvContentTypes": ["text/csv"],
                "JsonContentTypes": ["application/json", "application/jsonlines"],
            },
        }
    }


def create_endpoint(descriptor: Descriptor, *, config: str) -> dict[str, Any]:
    """The CreateEndpoint request."""
    tags = [{"Key": "slipway:workload", "Value": descriptor["name"]}]
    return {"EndpointName": descriptor["endpoint_name"], "EndpointConfigName": config, "Tags": tags}


def update_endpoint(descriptor: Descriptor, *, config: str, guarded: bool, keep_size: bool = False) -> dict[str, Any]:
    """The UpdateEndpoint request; `guarded`: with the manifest's deployment guardrails. `keep_size`: variants that stay
    have as many instances as they have when the update begins, which may be others than when it was planned.
    """
    request: dict[str, Any] = {"EndpointName": descriptor["endpoint_name"], "EndpointConfigName": config}
    if keep_size:
        request |= {
            "RetainAllVariantProperties": True,
            "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}],
        }
    return {**request, "DeploymentConfig": deployment_config(descriptor)} if guarded else request


def deployment_config(descriptor: Descriptor) -> dict[str, Any]:
    """How SageMaker moves the traffic, and the alarms on which it goes back by itself.

    A strategy that the machine walks itself (shadow, ab) only ends with such an update: all at once.
    """
    rollout = descriptor["rollout"]
    strategy, alarms = rollout["strategy"], rollout["alarms"]
    if strategy == "rolling":
        size = {"Type": "CAPACITY_PERCENT", "Value": rollout["batch_percent"]}
        rolling = {"MaximumBatchSize": size, "WaitIntervalInSeconds": rollout["interval_seconds"]}
        deployment: dict[str, Any] = {"RollingUpdatePolicy": {**rolling, **_LIMIT}}
    else:
        deployment = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": _routing(rollout), **_LIMIT}}
    if alarms:
        deployment["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": name} for name in alarms]}
    return deployment


def _routing(rollout: Rollout) -> dict[str, Any]:
    """TrafficRoutingConfig."""
    if rollout["strategy"] == "canary":
        size = {"Type": "CAPACITY_PERCENT", "Value": rollout["size_percent"]}
        return {"Type": "CANARY", "CanarySize": size, "WaitIntervalInSeconds": rollout["bake_seconds"]}
    if rollout["strategy"] == "linear":
        size = {"Type": "CAPACITY_PERCENT", "Value": rollout["step_percent"]}
        return {"Type": "LINEAR", "LinearStepSize": size, "WaitIntervalInSeconds": rollout["interval_seconds"]}
    return {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": rollout.get("bake_seconds", 0)}


def update_weights(descriptor: Descriptor, weights: dict[str, float]) -> dict[str, Any]:
    """The UpdateEndpointWeightsAndCapacities request."""
    desired = [{"VariantName": name, "DesiredWeight": weight} for name, weight in weights.items()]
    return {"EndpointName": descriptor["endpoint_name"], "DesiredWeightsAndCapacities": desired}


def update_sizes(descriptor: Descriptor, sizes: dict[str, int]) -> dict[str, Any]:
    """The UpdateEndpointWeightsAndCapacities request that gives variants so many instances."""
    desired = [{"VariantName": name, "DesiredInstanceCount": count} for name, count in sizes.items()]
    return {"EndpointName": descriptor["endpoint_name"], "DesiredWeightsAndCapacities": desired}


def _tags(descriptor: Descriptor, version: int) -> list[dict[str, str]]:
    values = {"slipway:workload": descriptor["name"], "slipway:model-version": str(version)}
    return [{"Key": key, "Value": value} for key, value in values.items()]
