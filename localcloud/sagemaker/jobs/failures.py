"""Why a job failed, in the words SageMaker uses for FailureReason (at most 1,024 characters; DescribeTrainingJob).

The prefix says whose fault it is: `AlgorithmError` (the container), `ClientError` (the request and what it names),
`InternalServerError` (the service, and the only one that RetryStrategy retries).
"""

from __future__ import annotations

from pathlib import Path

from botocore.exceptions import ClientError

MAX_REASON = 1024
INTERNAL = "InternalServerError: We encountered an internal error. Please try again."
RESTARTED = f"{INTERNAL} The embedded cloud was restarted while the job ran."

# S3's API names on the left, the IAM actions they need on the right, where they differ (S3 user guide, "Actions").
_ACTIONS = {
    "ListObjectsV2": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "UploadPart": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
}


class JobFailure(Exception):
    """The job fails; the message is its FailureReason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason[:MAX_REASON])
        self.reason = reason[:MAX_REASON]


def algorithm_error(text: str, exit_code: int) -> str:
    """The container ended with `exit_code`; `text` is what it left in /opt/ml/output/failure ("" for nothing)."""
    ending = f", exit code: {exit_code}"
    return f"AlgorithmError: {text[: MAX_REASON - len(ending) - len('AlgorithmError: ')]}{ending}"


def internal_error(error: Exception) -> str:
    return f"{INTERNAL} ({type(error).__name__}: {error})"[:MAX_REASON]


def download_failed(problem: Exception | str, *, uri: str, role_arn: str) -> JobFailure:
    return JobFailure(
        f"ClientError: Data download failed: Failed to download data from {uri}. {_say(problem, role_arn)}"
    )


def upload_failed(problem: Exception | str, *, uri: str, role_arn: str) -> JobFailure:
    return JobFailure(f"ClientError: Artifact upload failed: Failed to upload to {uri}. {_say(problem, role_arn)}")


def no_objects(uri: str, role_arn: str) -> str:
    bucket = uri.removeprefix("s3://").partition("/")[0]
    return (
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket exists in'
        f' the selected region, that objects exist under that S3 prefix, and that the role "{role_arn}" has'
        f' "s3:ListBucket" permissions on bucket "{bucket}".'
    )


def read_message(path: Path, limit: int = MAX_REASON) -> str:
    """The first `limit` characters of a file the container may have written; "" when it has not."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return file.read(4 * limit).decode("utf-8", errors="replace").strip()[:limit]


def _say(problem: Exception | str, role_arn: str) -> str:
    if isinstance(problem, ClientError) and problem.response["Error"].get("Code") in ("AccessDenied", "403"):
        action = _ACTIONS.get(problem.operation_name, f"s3:{problem.operation_name}")
        return f'{problem}. Please ensure that the role "{role_arn}" has "{action}" permissions.'
    return str(problem)
