"""AWS clients, made once a process (making one costs more than most calls) with standard retries."""

from functools import cache
from typing import Any

import boto3
from botocore.config import Config

CONNECT_TIMEOUT_SECONDS = 3


@cache
def client(service: str, *, read_timeout_seconds: int = 15, attempts: int = 4) -> Any:
    """The boto3 client of `service`. `attempts` counts the first try; botocore's standard mode retries throttling and
    5xx.
    """
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    return boto3.client(service, config=config)


def error_code(error: Any) -> str:
    """The code of a botocore `ClientError`, such as `ParameterNotFound`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def error_message(error: Any) -> str:
    """The message of a botocore `ClientError`, for logs and reasons; not for callers of the HTTP API."""
    return str(error.response.get("Error", {}).get("Message", ""))
