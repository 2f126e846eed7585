"""The requests of one rollout, exactly as Step Functions passes them to SageMaker."""

from typing import Any

from shared.descriptor import Descriptor
from shared.instances import volume_key

# How long the new variant serves all traffic before the old one goes, in seconds
# (TrafficRoutingConfig.WaitIntervalInSeconds). The rollout
# machine sends its sample request right after, which is the check that counts for all_at_once.
BAKE_SECONDS = 0


def model(descriptor: Descriptor, package: dict[str, Any], *, name: str, version: int) -> dict[str, Any]:
    """The CreateModel request: image and artifact as the model package was registered with them."""
    container = package["InferenceSpecification"]["Containers"][0]
    environment = {
        **container.get("Environment", {}),
        **descriptor["serving"]["environment"],
        "SLIPWAY_MODEL_VERSION": str(version),
    }
    return {
        "ModelName": name,
        "ExecutionRoleArn": descriptor["serving"]["role_arn"],
        "PrimaryContainer": {
            "Image": container["Image"],
            "ModelDataUrl": container["ModelDataUrl"],
            "Environment": environment,
        },
        "EnableNetworkIsolation": True,
        "Tags": _tags(descriptor, version),
    }


def endpoint_config(descriptor: Descriptor, *, name: str, version: int) -> dict[str, Any]:
    """The CreateEndpointConfig request: one production variant that serves the model of the same name."""
    serving = descriptor["serving"]
    return {
        "EndpointConfigName": name,
        "ProductionVariants": [
            {
                "VariantName": serving["variant"],
                "ModelName": name,
                "InstanceType": serving["instance_type"],
                "InitialInstanceCount": serving["instance_count"],
                "InitialVariantWeight": 1.0,
            }
        ],
        **volume_key(serving["instance_type"], descriptor["kms_key_arn"], member="KmsKeyId"),
        "Tags": _tags(descriptor, version),
    }


def create_endpoint(descriptor: Descriptor, *, config: str) -> dict[str, Any]:
    """The CreateEndpoint request."""
    tags = [{"Key": "slipway:workload", "Value": descriptor["name"]}]
    return {"EndpointName": descriptor["endpoint_name"], "EndpointConfigName": config, "Tags": tags}


def update_endpoint(descriptor: Descriptor, *, config: str) -> dict[str, Any]:
    """The UpdateEndpoint request: blue/green, all at once, back to the old fleet when an alarm goes off."""
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": BAKE_SECONDS}
    deployment: dict[str, Any] = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}
    alarms = descriptor["rollout"]["alarms"]
    if alarms:
        deployment["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": name} for name in alarms]}
    return {
        "EndpointName": descriptor["endpoint_name"],
        "EndpointConfigName": config,
        "DeploymentConfig": deployment,
    }


def _tags(descriptor: Descriptor, version: int) -> list[dict[str, str]]:
    values = {"slipway:workload": descriptor["name"], "slipway:model-version": str(version)}
    return [{"Key": key, "Value": value} for key, value in values.items()]
