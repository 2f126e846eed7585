"""What a command says when it cannot go on.

CliError
├── RunFailed       a training run or rollout failed or was rejected; the message is its cause
└── CommandFailed   a program that we started (cdk, localcloud, uv) failed; the message ends with what it printed
"""

from __future__ import annotations


class CliError(Exception):
    """A fault that the person can act on: `message` says what is wrong, `hint` what to do. Ends with exit code 1."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class RunFailed(CliError):
    """A run that ended without a new model in service."""


class CommandFailed(CliError):
    """A program that we started ended with an exit code other than 0."""


def explained(error: Exception) -> CliError | None:
    """The error of the AWS SDK as one sentence and what to do; None for an error that is not the SDK's."""
    from botocore import exceptions

    if isinstance(error, exceptions.ClientError):
        return _client_error(error)
    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return CliError("No AWS credentials were found.", hint="Run `aws sso login`, or set AWS_PROFILE.")
    if isinstance(error, exceptions.NoRegionError):
        return CliError("No AWS region is set.", hint="Name one with --region, or set AWS_REGION.")
    if isinstance(error, exceptions.EndpointConnectionError | exceptions.ConnectionClosedError):
        return CliError(f"The cloud does not answer: {error}", hint="On the embedded cloud: slipway up.")
    if isinstance(error, exceptions.BotoCoreError):
        return CliError(f"The AWS SDK refused the call: {error}")
    return None


_HINTS = {
    "AccessDenied": "The credentials in use lack this permission; their owner can grant it.",
    "AccessDeniedException": "The credentials in use lack this permission; their owner can grant it.",
    "ExpiredToken": "The session has ended: log in again.",
    "ExpiredTokenException": "The session has ended: log in again.",
    "ThrottlingException": "AWS is limiting the calls of this account: try again in a minute.",
}


def _client_error(error: Exception) -> CliError:
    detail = error.response.get("Error", {})  # type: ignore[attr-defined]
    code = detail.get("Code", "Unknown")
    operation = error.operation_name  # type: ignore[attr-defined]
    return CliError(f"{operation} was refused: {code}: {detail.get('Message', '')}", hint=_HINTS.get(code, ""))
