"""Refusals for too many calls, told to Step Functions under a name of their own."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from botocore.exceptions import ClientError

from shared.clients import error_code
from shared.errors import Throttled

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

CODES = {
    "LimitExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
}


def tells_throttling(handler: Handler) -> Handler:
    """Raises `Throttled` where a call was refused by throttling through all tries of its client: an error's name is
    all that a state machine's Retry sees, and botocore has one name for this and for a refusal that nothing mends.
    """

    @wraps(handler)
    def told(event: dict[str, Any], context: Any) -> dict[str, Any]:
        try:
            return handler(event, context)
        except ClientError as error:
            if error_code(error) not in CODES:
                raise
            raise Throttled(str(error)) from error

    return told
