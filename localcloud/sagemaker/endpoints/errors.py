"""The errors that sagemaker-runtime answers."""

from __future__ import annotations

from typing import Any

from localcloud.config import Config

MAX_ORIGINAL_MESSAGE = 2048
TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for each"
    " container in Amazon CloudWatch, resolve the issue, and try again."
)


class InvocationError(Exception):
    """An error of the service model: `code` is its shape's name; `members` are further members of the body."""

    def __init__(self, status: int, code: str | None, message: str, **members: Any) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.members = status, code, message, members


def validation_error(message: str) -> InvocationError:
    return InvocationError(400, "ValidationError", message)


def unavailable(variant: str) -> InvocationError:
    """No instance of the variant takes requests."""
    return InvocationError(503, "ServiceUnavailable", f"No instance of variant {variant} is in service. Try again.")


def exited(error: Exception) -> str:
    """The original message of a model error when the server went away."""
    return f"An error occurred while handling request as the model process exited. ({error})"


def model_error(config: Config, endpoint: str, status: int, message: str) -> InvocationError:
    """ModelError: the container answered `status`, or 0 when it did not answer."""
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    kind = "client" if 400 <= status < 500 else "server"
    text = (
        f'Received {kind} error ({status}) from primary with message "{message}". See the CloudWatch log group'
        f" {group} in account {config.account} for more information."
    )
    return InvocationError(
        424,
        "ModelError",
        text,
        OriginalStatusCode=status,
        OriginalMessage=message,
        LogStreamArn=f"arn:aws:logs:{config.region}:{config.account}:log-group:{group}",
    )
