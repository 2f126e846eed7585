"""The requests of a run's training and evaluation, exactly as Step Functions passes them to SageMaker
(CreateTrainingJob, CreateProcessingJob).
"""

from typing import Any

from shared.descriptor import Descriptor
from shared.instances import volume_key

from plan_training.places import Run, artifacts, channel_source, evaluation_folder, model_uri, run_job, tags
from plan_training.processing import OUTPUTS, processing_input, processing_output


def training_job(descriptor: Descriptor, run: Run, hyperparameters: dict[str, str]) -> dict[str, Any]:
    """The CreateTrainingJob request. The container starts the driver, not the image's own entry point."""
    training, name = descriptor["training"], run_job(descriptor, run)
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
            *(_channel(name, *channel_source(descriptor, run, name)) for name in sorted(training["channels"])),
        ],
        "OutputDataConfig": {"S3OutputPath": artifacts(descriptor, "training"), "KmsKeyId": descriptor["kms_key_arn"]},
        "CheckpointConfig": {"S3Uri": artifacts(descriptor, f"checkpoints/{name}/")},
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
        "Tags": tags(run),
    }


def evaluation_job(descriptor: Descriptor, run: Run, *, champion_uri: str | None) -> dict[str, Any]:
    """The CreateProcessingJob request that measures the challenger, and the champion where there is one, on the same
    holdout.
    """
    evaluation = descriptor["evaluation"]
    inputs = [
        processing_input("challenger", model_uri(descriptor, run)),
        processing_input("holdout", *channel_source(descriptor, run, evaluation["channel"])),
    ]
    if champion_uri:
        inputs.append(processing_input("champion", champion_uri))
    return {
        "ProcessingJobName": f"{run_job(descriptor, run)}-eval",
        "RoleArn": evaluation["role_arn"],
        "AppSpecification": {
            "ImageUri": evaluation["image_uri"],
            "ContainerEntrypoint": ["python", "-m", "server.evaluate"],
        },
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {
            "Outputs": [processing_output("evaluation", evaluation_folder(descriptor, run), OUTPUTS)],
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
        "Tags": tags(run),
    }


def _channel(name: str, uri: str, data_type: str = "S3Prefix") -> dict[str, Any]:
    source = {"S3DataType": data_type, "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}


def _stopping(max_runtime: int, max_wait: int | None) -> dict[str, Any]:
    if max_wait is None:
        return {"EnableManagedSpotTraining": False, "StoppingCondition": {"MaxRuntimeInSeconds": max_runtime}}
    condition = {"MaxRuntimeInSeconds": max_runtime, "MaxWaitTimeInSeconds": max_wait}
    return {"EnableManagedSpotTraining": True, "StoppingCondition": condition}
