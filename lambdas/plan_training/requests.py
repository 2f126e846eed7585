"""The requests of a run's two jobs, exactly as Step Functions passes them to SageMaker (CreateTrainingJob,
CreateProcessingJob).
"""

from dataclasses import dataclass
from typing import Any

from shared.descriptor import Descriptor
from shared.instances import volume_key
from shared.names import job_name

HOLDOUT = "/opt/ml/processing/input/holdout"
OUTPUT = "/opt/ml/processing/output"


@dataclass(frozen=True, kw_only=True)
class Run:
    """What names one run."""

    workload: str
    dataset: str
    name: str


def training_job(descriptor: Descriptor, run: Run, hyperparameters: dict[str, str]) -> dict[str, Any]:
    """The CreateTrainingJob request. The container starts the driver, not the image's own entry point."""
    training, name = descriptor["training"], job_name(descriptor["job_prefix"], run.name)
    driver = training["entrypoint_uri"].rsplit("/", 1)[-1]
    return {
        "TrainingJobName": name,
        "RoleArn": training["role_arn"],
        "AlgorithmSpecification": {
            "TrainingImage": training["image_uri"],
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", f"/opt/ml/input/data/entrypoint/{driver}"],
            "MetricDefinitions": [{"Name": m["name"], "Regex": m["regex"]} for m in training["metrics"]],
        },
        "HyperParameters": hyperparameters,
        "InputDataConfig": [
            _channel("entrypoint", training["entrypoint_uri"]),
            _channel("code", training["code_uri"]),
            *(_channel(name, _channel_uri(descriptor, run, name)) for name in sorted(descriptor["data"]["channels"])),
        ],
        "OutputDataConfig": {"S3OutputPath": _artifacts(descriptor, "training"), "KmsKeyId": descriptor["kms_key_arn"]},
        "CheckpointConfig": {"S3Uri": _artifacts(descriptor, f"checkpoints/{name}/")},
        "ResourceConfig": {
            "InstanceType": training["instance_type"],
            "InstanceCount": training["instance_count"],
            "VolumeSizeInGB": training["volume_gb"],
            **volume_key(training["instance_type"], descriptor["kms_key_arn"], member="VolumeKmsKeyId"),
        },
        **_stopping(training["max_runtime_seconds"], training["spot_max_wait_seconds"]),
        "Environment": {**training["environment"], "SLIPWAY_SCRIPT": training["script"]},
        # The driver may install the script's requirements.txt, which isolation would cut off.
        "EnableNetworkIsolation": False,
        "Tags": _tags(run),
    }


def evaluation_job(descriptor: Descriptor, run: Run, *, champion_uri: str | None) -> dict[str, Any]:
    """The CreateProcessingJob request that measures the challenger, and the champion where there is one, on the same
    holdout.
    """
    evaluation = descriptor["evaluation"]
    inputs = [
        _input("challenger", model_uri(descriptor, run), "/opt/ml/processing/input/challenger"),
        _input("holdout", _channel_uri(descriptor, run, evaluation["channel"]), HOLDOUT),
    ]
    if champion_uri:
        inputs.append(_input("champion", champion_uri, "/opt/ml/processing/input/champion"))
    output = {"S3Uri": _evaluation_folder(descriptor, run), "LocalPath": OUTPUT, "S3UploadMode": "EndOfJob"}
    return {
        "ProcessingJobName": f"{job_name(descriptor['job_prefix'], run.name)}-eval",
        "RoleArn": evaluation["role_arn"],
        "AppSpecification": {
            "ImageUri": evaluation["image_uri"],
            "ContainerEntrypoint": ["python", "-m", "server.evaluate"],
        },
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {
            "Outputs": [{"OutputName": "evaluation", "S3Output": output}],
            "KmsKeyId": descriptor["kms_key_arn"],
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": evaluation["instance_type"],
                "InstanceCount": 1,
                "VolumeSizeInGB": evaluation["volume_gb"],
                **volume_key(evaluation["instance_type"], descriptor["kms_key_arn"], member="VolumeKmsKeyId"),
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": evaluation["max_runtime_seconds"]},
        "NetworkConfig": {"EnableNetworkIsolation": True},
        "Tags": _tags(run),
    }


def model_uri(descriptor: Descriptor, run: Run) -> str:
    """Where SageMaker writes the run's model: `{S3OutputPath}/{job}/output/model.tar.gz`."""
    return _artifacts(descriptor, f"training/{job_name(descriptor['job_prefix'], run.name)}/output/model.tar.gz")


def evaluation_uri(descriptor: Descriptor, run: Run) -> str:
    return f"{_evaluation_folder(descriptor, run)}/evaluation.json"


def _evaluation_folder(descriptor: Descriptor, run: Run) -> str:
    return _artifacts(descriptor, f"evaluation/{job_name(descriptor['job_prefix'], run.name)}")


def _artifacts(descriptor: Descriptor, path: str) -> str:
    artifacts = descriptor["artifacts"]
    return f"s3://{artifacts['bucket']}/{artifacts['prefix']}{path}"


def _channel_uri(descriptor: Descriptor, run: Run, channel: str) -> str:
    data = descriptor["data"]
    return f"s3://{data['bucket']}/{data['prefix']}{run.dataset}/{channel}/"


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}


def _input(name: str, uri: str, path: str) -> dict[str, Any]:
    source = {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "S3Input": source}


def _stopping(max_runtime: int, max_wait: int | None) -> dict[str, Any]:
    if max_wait is None:
        return {"EnableManagedSpotTraining": False, "StoppingCondition": {"MaxRuntimeInSeconds": max_runtime}}
    condition = {"MaxRuntimeInSeconds": max_runtime, "MaxWaitTimeInSeconds": max_wait}
    return {"EnableManagedSpotTraining": True, "StoppingCondition": condition}


def _tags(run: Run) -> list[dict[str, str]]:
    values = {"slipway:workload": run.workload, "slipway:dataset": run.dataset, "slipway:run": run.name}
    return [{"Key": key, "Value": value} for key, value in values.items()]
