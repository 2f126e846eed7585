"""The CreateProcessingJob request of a look."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.descriptor import Descriptor, Monitoring
from shared.instances import volume_key

INPUTS = "/opt/ml/processing/input"
OUTPUT = "/opt/ml/processing/output"


@dataclass(frozen=True, kw_only=True)
class Job:
    """`since`: what was asked from then on is recent."""

    name: str
    version: str
    since: datetime


def folder(descriptor: Descriptor, job: Job) -> str:
    """Where the job's lists and reports lie."""
    where = descriptor["artifacts"]
    return f"s3://{where['bucket']}/{where['prefix']}monitoring/{job.name}"


def job(descriptor: Descriptor, job: Job, lists: dict[str, str], *, baseline_uri: str | None) -> dict[str, Any]:
    """The request; `lists`: input name -> URI of the S3 manifest of its objects. `baseline_uri`: the holdout's rows."""
    monitoring = descriptor["monitoring"]
    program = monitoring["monitor_uri"].rsplit("/", 1)[-1]
    instance, key = monitoring["instance_type"], descriptor["kms_key_arn"]
    output = {"S3Uri": folder(descriptor, job), "LocalPath": OUTPUT, "S3UploadMode": "EndOfJob"}
    return {
        "ProcessingJobName": job.name,
        "RoleArn": monitoring["role_arn"],
        "AppSpecification": {
            "ImageUri": monitoring["image_uri"],
            "ContainerEntrypoint": ["python3", f"{INPUTS}/monitor/{program}"],
            "ContainerArguments": _arguments(descriptor["name"], monitoring, job),
        },
        "ProcessingInputs": [
            _input("monitor", monitoring["monitor_uri"], "S3Prefix"),
            *(_input(name, uri, "ManifestFile") for name, uri in lists.items()),
            *([_input("baseline", baseline_uri, "S3Prefix")] if baseline_uri else []),
        ],
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "report", "S3Output": output}], "KmsKeyId": key},
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": instance,
                "InstanceCount": 1,
                "VolumeSizeInGB": monitoring["volume_gb"],
                **volume_key(instance, key, member="VolumeKmsKeyId"),
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": monitoring["max_runtime_seconds"]},
        "NetworkConfig": {"EnableNetworkIsolation": True},
        "Tags": [{"Key": "slipway:workload", "Value": descriptor["name"]}],
    }


def _arguments(workload: str, monitoring: Monitoring, job: Job) -> list[str]:
    quality = monitoring["quality"] or {}
    values = {
        "workload": workload,
        "model-version": job.version,
        "since": f"{job.since:%Y-%m-%dT%H:%M:%SZ}",
        "baseline-requests": monitoring["baseline_requests"],
        "minimum-requests": monitoring["minimum_requests"],
        "threshold": monitoring["threshold"],
        "quality-metric": quality.get("metric"),
        "quality-field": quality.get("field"),
    }
    return [f"--{name}={value}" for name, value in values.items() if value is not None]


def _input(name: str, uri: str, data_type: str) -> dict[str, Any]:
    source = {
        "S3Uri": uri,
        "LocalPath": f"{INPUTS}/{name}",
        "S3DataType": data_type,
        "S3InputMode": "File",
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"InputName": name, "S3Input": source}
