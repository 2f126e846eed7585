"""Small valid SageMaker requests, for tests that need resources to exist more than to run.

Images are `requests.MISSING` where nothing should run: such a job or endpoint is created, and fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.clients import Account
from tests.support.embedded_cloud import eventually, unique

MISSING = "no-such-image:1"
_ENDED = ("Completed", "Failed", "Stopped", "InService")
_CLUSTER = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}


def model(account: Account, name: str, *, image: str = MISSING, data: str | None = None) -> dict[str, Any]:
    container = {"Image": image, **({"ModelDataUrl": data} if data else {})}
    return {"ModelName": name, "ExecutionRoleArn": account.role, "PrimaryContainer": container}


def endpoint_config(account: Account, name: str, *, of_model: str | None = None) -> dict[str, Any]:
    """The configuration's model is made where none is named."""
    if of_model is None:
        of_model = unique("model")
        account.cloud.client("sagemaker").create_model(**model(account, of_model))
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": of_model,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
    }
    return {"EndpointConfigName": name, "ProductionVariants": [variant]}


def endpoint(account: Account, name: str, *, config: str | None = None) -> dict[str, Any]:
    if config is None:
        config = unique("config")
        account.cloud.client("sagemaker").create_endpoint_config(**endpoint_config(account, config))
    return {"EndpointName": name, "EndpointConfigName": config}


def channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "ContentType": "text/csv"}


def training_job(
    account: Account, name: str, *, image: str = MISSING, training: str | None = None, **members: Any
) -> dict[str, Any]:
    """``training`` is the S3 URI of a channel of that name."""
    return {
        "TrainingJobName": name,
        "RoleArn": account.role,
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": f"s3://{account.bucket}/output"},
        "ResourceConfig": _CLUSTER,
        "StoppingCondition": {"MaxRuntimeInSeconds": 300},
        **({"InputDataConfig": [channel("training", training)]} if training else {}),
        **members,
    }


def processing_job(account: Account, name: str, *, image: str = MISSING, code: str = "") -> dict[str, Any]:
    """``code`` is a Python program."""
    return {
        "ProcessingJobName": name,
        "RoleArn": account.role,
        "AppSpecification": {"ImageUri": image, "ContainerEntrypoint": ["python3", "-c", code or "pass"]},
        "ProcessingResources": {"ClusterConfig": _CLUSTER},
    }


def transform_job(
    account: Account, name: str, *, of_model: str | None = None, data: str | None = None
) -> dict[str, Any]:
    if of_model is None:
        of_model = unique("model")
        account.cloud.client("sagemaker").create_model(**model(account, of_model))
    source = {"S3DataType": "S3Prefix", "S3Uri": data or f"s3://{account.bucket}/nothing/"}
    return {
        "TransformJobName": name,
        "ModelName": of_model,
        "TransformInput": {"DataSource": {"S3DataSource": source}, "ContentType": "text/csv", "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": f"s3://{account.bucket}/transformed", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }


def tuning_job(account: Account, name: str, *, training_jobs: int = 1) -> dict[str, Any]:
    """A random search whose training jobs fail, each with a value of ``scale`` of its own."""
    definition = training_job(account, "unused")
    del definition["TrainingJobName"]
    definition["StaticHyperParameters"] = {}
    definition["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "classes", "Regex": "classes=([0-9]+);"}]
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "classes"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": training_jobs, "MaxParallelTrainingJobs": training_jobs},
            "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "scale", "MinValue": "1", "MaxValue": "2"}]},
        },
        "TrainingJobDefinition": definition,
    }


def model_package_group(account: Account, name: str) -> dict[str, Any]:
    return {"ModelPackageGroupName": name}


def wait(describe: Callable[[], dict[str, Any]], status: str, seconds: float = 60) -> dict[str, Any]:
    """The description once its status is a final one."""

    def ended() -> dict[str, Any] | None:
        found = describe()
        return found if found[status] in _ENDED else None

    return eventually(ended, seconds)
