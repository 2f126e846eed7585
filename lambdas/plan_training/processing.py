"""The CreateProcessingJob requests of a run's processing steps. Their containers start the driver, as training's do."""

from typing import Any

from shared.descriptor import Descriptor, ProcessingStep
from shared.instances import volume_key

from plan_training.hyperparameters import to_text
from plan_training.places import Run, channel_source, channel_uri, run_job, tags

INPUTS = "/opt/ml/processing/input"
OUTPUTS = "/opt/ml/processing/output"
_DISTRIBUTIONS = {"replicated": "FullyReplicated", "sharded": "ShardedByS3Key"}


def processing_jobs(descriptor: Descriptor, run: Run) -> dict[str, dict[str, Any]]:
    """Name of the step -> request, in the order in which they run."""
    processing = descriptor["processing"]
    return {step["name"]: _job(descriptor, run, step) for step in processing["steps"]} if processing else {}


def _job(descriptor: Descriptor, run: Run, step: ProcessingStep) -> dict[str, Any]:
    training = descriptor["training"]
    driver = training["entrypoint_uri"].rsplit("/", 1)[-1]
    application = {
        "ImageUri": step["image_uri"],
        "ContainerEntrypoint": ["python3", f"{INPUTS}/entrypoint/{driver}"],
    }
    arguments = [text for name, value in step["parameters"].items() for text in (f"--{name}", to_text(value))]
    return {
        "ProcessingJobName": f"{run_job(descriptor, run)}-{step['name']}",
        "RoleArn": descriptor["processing"]["role_arn"],
        "AppSpecification": {**application, "ContainerArguments": arguments} if arguments else application,
        "Environment": {"SLIPWAY_SCRIPT": step["script"]},
        "ProcessingInputs": [
            processing_input("entrypoint", training["entrypoint_uri"]),
            processing_input("code", training["code_uri"]),
            *(
                processing_input(
                    name, *channel_source(descriptor, run, name), distribution=_DISTRIBUTIONS[distribution]
                )
                for name, distribution in step["inputs"].items()
            ),
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                processing_output(name, channel_uri(descriptor, run, name), f"{OUTPUTS}/{name}")
                for name in step["outputs"]
            ],
            "KmsKeyId": descriptor["kms_key_arn"],
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": step["instance_type"],
                "InstanceCount": step["instance_count"],
                "VolumeSizeInGB": step["volume_gb"],
                **volume_key(step["instance_type"], descriptor["kms_key_arn"], member="VolumeKmsKeyId"),
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": step["max_runtime_seconds"]},
        # The driver may install the script's requirements.txt, which isolation would cut off.
        "NetworkConfig": {"EnableNetworkIsolation": False},
        "Tags": tags(run),
    }


def processing_input(
    name: str, uri: str, data_type: str = "S3Prefix", *, distribution: str = "FullyReplicated"
) -> dict[str, Any]:
    """A ProcessingInput whose objects lie in `/opt/ml/processing/input/<name>` before the container starts."""
    source = {
        "S3Uri": uri,
        "LocalPath": f"{INPUTS}/{name}",
        "S3DataType": data_type,
        "S3InputMode": "File",
        "S3DataDistributionType": distribution,
    }
    return {"InputName": name, "S3Input": source}


def processing_output(name: str, uri: str, path: str) -> dict[str, Any]:
    """A ProcessingOutput: what every instance has in the folder `path` when the job ends lands below `uri`."""
    target = {"S3Uri": uri, "LocalPath": path, "S3UploadMode": "EndOfJob"}
    return {"OutputName": name, "S3Output": target}
