"""The requests of a run's training and evaluation, exactly as Step Functions passes them to SageMaker
(CreateTrainingJob, CreateProcessingJob).
"""

import json
from dataclasses import dataclass
from typing import Any

from shared.descriptor import Descriptor, Training
from shared.instances import volume_key

from plan_training.places import Run, artifacts, channel_source, evaluation_folder, model_uri, run_job, tags
from plan_training.processing import INPUTS, OUTPUTS, processing_input, processing_output


def training_job(descriptor: Descriptor, run: Run, hyperparameters: dict[str, str]) -> dict[str, Any]:
    """The CreateTrainingJob request. A managed image starts the driver; the workload's own starts its `train`."""
    training, name = descriptor["training"], run_job(descriptor, run)
    started = _by_driver(training, training["script"]) if training["script"] else _by_itself()
    return {
        "TrainingJobName": name,
        "RoleArn": training["role_arn"],
        "AlgorithmSpecification": {
            "TrainingImage": training["image_uri"],
            "TrainingInputMode": "File",
            **started.algorithm,
            "MetricDefinitions": [{"Name": m["name"], "Regex": m["regex"]} for m in training["metrics"]],
        },
        "HyperParameters": hyperparameters,
        "InputDataConfig": [
            *started.channels,
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
        "Environment": {**training["environment"], **started.environment},
        "EnableNetworkIsolation": started.isolated,
        "Tags": tags(run),
    }


@dataclass(frozen=True, kw_only=True)
class _Start:
    """What differs with who starts the training: members of the request."""

    algorithm: dict[str, Any]
    channels: list[dict[str, Any]]
    environment: dict[str, str]
    isolated: bool


def _by_driver(training: Training, script: str) -> _Start:
    driver = training["entrypoint_uri"].rsplit("/", 1)[-1]
    return _Start(
        algorithm={"ContainerEntrypoint": ["python3", f"/opt/ml/input/data/entrypoint/{driver}"]},
        channels=[_channel("entrypoint", training["entrypoint_uri"]), _channel("code", training["code_uri"])],
        environment={"SLIPWAY_SCRIPT": script},
        # The driver may install the script's requirements.txt, which isolation would cut off.
        isolated=False,
    )


def _by_itself() -> _Start:
    """The image holds all that it needs, so it may be cut off."""
    return _Start(algorithm={}, channels=[], environment={}, isolated=True)


def evaluation_job(descriptor: Descriptor, run: Run, *, champion_uri: str | None) -> dict[str, Any]:
    """The CreateProcessingJob request that measures the challenger, and the champion where there is one, on the same
    holdout.
    """
    evaluation = descriptor["evaluation"]
    program, environment = _evaluator(descriptor)
    inputs = [
        processing_input("challenger", model_uri(descriptor, run)),
        processing_input("holdout", *channel_source(descriptor, run, evaluation["channel"])),
    ]
    if evaluation["evaluator_uri"]:
        inputs.append(processing_input("evaluator", evaluation["evaluator_uri"]))
    if champion_uri:
        inputs.append(processing_input("champion", champion_uri))
    return {
        "ProcessingJobName": f"{run_job(descriptor, run)}-eval",
        "RoleArn": evaluation["role_arn"],
        "AppSpecification": {
            "ImageUri": evaluation["image_uri"],
            "ContainerEntrypoint": program,
        },
        "Environment": environment,
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


def _evaluator(descriptor: Descriptor) -> tuple[list[str], dict[str, str]]:
    """The program that measures, and its environment. It asks an image of one's own as production does, so the server
    gets production's environment, too.
    """
    evaluation = descriptor["evaluation"]
    if not evaluation["evaluator_uri"]:
        return ["python", "-m", "server.evaluate"], {}
    program = evaluation["evaluator_uri"].rsplit("/", 1)[-1]
    environment = {
        **descriptor["serving"]["environment"],
        "SLIPWAY_LABEL_COLUMN": json.dumps(evaluation["label_column"]),
    }
    return ["python3", f"{INPUTS}/evaluator/{program}"], environment


def _channel(name: str, uri: str, data_type: str = "S3Prefix") -> dict[str, Any]:
    source = {"S3DataType": data_type, "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}


def _stopping(max_runtime: int, max_wait: int | None) -> dict[str, Any]:
    if max_wait is None:
        return {"EnableManagedSpotTraining": False, "StoppingCondition": {"MaxRuntimeInSeconds": max_runtime}}
    condition = {"MaxRuntimeInSeconds": max_runtime, "MaxWaitTimeInSeconds": max_wait}
    return {"EnableManagedSpotTraining": True, "StoppingCondition": condition}
