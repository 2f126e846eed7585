"""Endpoints, as DescribeEndpoint and DescribeEndpointConfig show them."""

from typing import Any

from botocore.exceptions import ClientError

from shared.clients import error_code, error_message

# DescribeEndpoint has no error shape for a missing endpoint: it answers ValidationException with one of these.
_MISSING = ("could not find", "does not exist", "not found")


def describe(sagemaker: Any, name: str) -> dict[str, Any] | None:
    """DescribeEndpoint's answer, None when there is no such endpoint."""
    return _none_when_missing(lambda: sagemaker.describe_endpoint(EndpointName=name))


def describe_config(sagemaker: Any, name: str) -> dict[str, Any] | None:
    """DescribeEndpointConfig's answer, None when there is no such endpoint config."""
    return _none_when_missing(lambda: sagemaker.describe_endpoint_config(EndpointConfigName=name))


def is_missing(error: ClientError) -> bool:
    """Whether a SageMaker error says that the resource does not exist."""
    code = error_code(error)
    if code == "ResourceNotFound":
        return True
    return code in {"ValidationException", "ValidationError"} and any(
        m in error_message(error).lower() for m in _MISSING
    )


def _none_when_missing(call: Any) -> dict[str, Any] | None:
    try:
        return call()
    except ClientError as error:
        if is_missing(error):
            return None
        raise
