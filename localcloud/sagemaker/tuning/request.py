"""The training job that a combination of hyperparameters becomes."""

from __future__ import annotations

from typing import Any

from localcloud.sagemaker.tuning.search import Values

Document = dict[str, Any]

# SageMaker tells the container by this hyperparameter which metric is looked at.
OBJECTIVE_HYPERPARAMETER = "_tuning_objective_metric"
# Members of HyperParameterTrainingJobDefinition that CreateTrainingJob has under the same name.
_SAME = (
    "RoleArn",
    "AlgorithmSpecification",
    "InputDataConfig",
    "VpcConfig",
    "OutputDataConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "RetryStrategy",
    "Environment",
)
_SMALLEST_VOLUME_GB = 1


def training_request(definition: Document, *, name: str, values: Values) -> Document:
    """The CreateTrainingJob request of a shape HyperParameterTrainingJobDefinition with a combination of values."""
    request = {member: definition[member] for member in _SAME if member in definition}
    request["TrainingJobName"] = name
    request["HyperParameters"] = definition.get("StaticHyperParameters", {}) | values
    request["ResourceConfig"] = _resources(definition)
    if "CheckpointConfig" in definition:
        # A place of its own for each training job: one must not go on from the checkpoint of another.
        checkpoints = definition["CheckpointConfig"]
        request["CheckpointConfig"] = checkpoints | {"S3Uri": f"{checkpoints['S3Uri'].rstrip('/')}/{name}"}
    return request


def _resources(definition: Document) -> Document:
    if "ResourceConfig" in definition:
        return definition["ResourceConfig"]
    given = definition.get("HyperParameterTuningResourceConfig", {})
    # Instance configs are in order of preference, and here there is capacity for the first.
    first = given.get("InstanceConfigs", [given])[0]
    resources = {member: first[member] for member in ("InstanceType", "InstanceCount") if member in first}
    resources["VolumeSizeInGB"] = first.get("VolumeSizeInGB", given.get("VolumeSizeInGB", _SMALLEST_VOLUME_GB))
    if "VolumeKmsKeyId" in given:
        resources["VolumeKmsKeyId"] = given["VolumeKmsKeyId"]
    return resources
