"""The CreateProcessingJob request of a run's data check (docs/data-checks.md)."""

from typing import Any

from shared.descriptor import Descriptor
from shared.instances import volume_key

from plan_training.places import Run, artifacts, channel_uri, checks_folder, dataset_uri, run_job, tags
from plan_training.processing import INPUTS, OUTPUTS, processing_input, processing_output

MESSAGE = "/opt/ml/output/message"
"""What lies here comes back as the job's ExitMessage, by which the machine goes on or stops."""


def check_job(descriptor: Descriptor, run: Run) -> dict[str, Any] | None:
    """None where the manifest has no checks. Reads the data set itself; everything later reads what it accepted."""
    checks = descriptor["checks"]
    if checks is None:
        return None
    quarantine = artifacts(descriptor, f"quarantine/{run.name}/")
    return {
        "ProcessingJobName": f"{run_job(descriptor, run)}-check",
        "RoleArn": checks["role_arn"],
        "AppSpecification": {
            "ImageUri": checks["image_uri"],
            "ContainerEntrypoint": ["python3", f"{INPUTS}/entrypoint/{_file(checks['checker_uri'])}"],
            "ContainerArguments": _arguments(descriptor, run),
        },
        "ProcessingInputs": [
            # Names that no channel of a manifest can have.
            processing_input("entrypoint", checks["checker_uri"]),
            processing_input("code", checks["rules_uri"]),
            *(processing_input(name, channel_uri(descriptor, run, name)) for name in checks["channels"]),
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                processing_output("report", checks_folder(descriptor, run), f"{OUTPUTS}/report"),
                processing_output("quarantine", quarantine, f"{OUTPUTS}/quarantine"),
            ],
            "KmsKeyId": descriptor["kms_key_arn"],
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": checks["instance_type"],
                "InstanceCount": 1,
                "VolumeSizeInGB": checks["volume_gb"],
                **volume_key(checks["instance_type"], descriptor["kms_key_arn"], member="VolumeKmsKeyId"),
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": checks["max_runtime_seconds"]},
        "NetworkConfig": {"EnableNetworkIsolation": True},
        "Tags": tags(run),
    }


def _arguments(descriptor: Descriptor, run: Run) -> list[str]:
    checks = descriptor["checks"]
    return [
        f"--rules={INPUTS}/code/{_file(checks['rules_uri'])}",
        f"--data={INPUTS}",
        f"--report={OUTPUTS}/report",
        f"--quarantine={OUTPUTS}/quarantine",
        f"--source={dataset_uri(descriptor, run)}",
        f"--message={MESSAGE}",
    ]


def _file(uri: str) -> str:
    return uri.rsplit("/", 1)[-1]
