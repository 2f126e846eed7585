"""What a training job may say about its warm pool (https://docs.aws.amazon.com/sagemaker/latest/dg/train-warm-pools.html)."""

from __future__ import annotations

from typing import Any

from localcloud.sagemaker.errors import ValidationException

Document = dict[str, Any]


def check_warm_pool(request: Document) -> None:
    """Warm pools and managed spot training exclude each other."""
    seconds = request["ResourceConfig"].get("KeepAlivePeriodInSeconds")
    if seconds and request.get("EnableManagedSpotTraining"):
        raise ValidationException(
            f"Invalid KeepAlivePeriodInSeconds {seconds}. It must be 0 when EnableManagedSpotTraining is true"
        )


def check_can_update(job: Document, request: Document) -> None:
    """KeepAlivePeriodInSeconds counts while the job runs or its pool is available; all else, while it runs."""
    pool = job.get("WarmPoolStatus", {}).get("Status")
    if job["TrainingJobStatus"] == "InProgress" or (pool == "Available" and "ProfilerConfig" not in request):
        return
    raise ValidationException(
        f"The training job {job['TrainingJobName']} cannot be updated: its status is {job['TrainingJobStatus']}"
        f" and its warm pool is {pool or 'not there'}"
    )


def retains_pool(job: Document) -> str | None:
    """Why a job with an available pool cannot be deleted."""
    if job.get("WarmPoolStatus", {}).get("Status") == "Available":
        return "it retains an Available warm pool; set KeepAlivePeriodInSeconds to 0 with UpdateTrainingJob first"
    return None
