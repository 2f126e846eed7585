"""When a failed attempt of a step is followed by another: https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-retry-policy.html"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from localcloud.sagemaker.pipelines.step_types import TUNING

Document = dict[str, Any]

SERVICE_FAULT, THROTTLING = "Step.SERVICE_FAULT", "Step.THROTTLING"
_INTERNAL, _CAPACITY, _LIMIT = "SageMaker.JOB_INTERNAL_ERROR", "SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT"
_LONGEST_INTERVAL_SECONDS = 43200
# "Pipelines retries on this type of error automatically": how often, AWS does not say.
_DEFAULT = {"ExceptionType": [SERVICE_FAULT, THROTTLING], "IntervalSeconds": 1, "BackoffRate": 2.0, "MaxAttempts": 3}
_REASONS = {"InternalServerError": _INTERNAL, "CapacityError": _CAPACITY, "ResourceLimitExceeded": _LIMIT}


def of_call(error: ClientError) -> str | None:
    """The exception type of a refused call; None for one that no policy can name."""
    code = error.response["Error"]["Code"]
    if code in ("ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"):
        return THROTTLING
    if code == "ResourceLimitExceeded":
        return _LIMIT
    return SERVICE_FAULT if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500 else None


def of_job(step_type: str, reason: str) -> str | None:
    """The exception type of a failed job, by its FailureReason. A tuning job retries internal errors itself."""
    found = next((kind for prefix, kind in _REASONS.items() if reason.startswith(prefix)), None)
    return None if step_type == TUNING and found == _INTERNAL else found


def delay(policies: Sequence[Document], error: str | None, attempts: int, elapsed: float) -> float | None:
    """Seconds until the next attempt; None when there is to be none.

    Args:
        error: the exception type of the last attempt.
        attempts: how many there were; elapsed: seconds since the first began.
    """
    for policy in [*policies, _DEFAULT]:
        if error is None or error not in policy["ExceptionType"]:
            continue
        if attempts > policy.get("MaxAttempts", attempts):
            return None
        if elapsed > 60 * policy.get("ExpireAfterMin", float("inf")):
            return None
        wait = policy.get("IntervalSeconds", 1) * policy.get("BackoffRate", 2.0) ** (attempts - 1)
        return min(wait, _LONGEST_INTERVAL_SECONDS)
    return None
