"""What InvokeEndpoint's errors mean to a caller of the API. AWS's own messages are logged, never passed on."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError
from shared import strict_json
from shared.clients import error_code
from shared.endpoints import is_missing
from shared.http import ApiError

RETRY_AFTER_SECONDS = 5
_THROTTLED = {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"}
_UNAVAILABLE = {"ServiceUnavailable", "ServiceUnavailableException", "InternalFailure", "InternalDependencyException"}
# What the container may blame on the request; every other status of its is the model's failure.
_CALLERS_FAULT = {400: "invalid_request", 406: "not_acceptable", 413: "too_large", 415: "unsupported_media_type"}


def from_client_error(error: ClientError, *, sleeps: bool = False) -> ApiError:
    """The answer to an error of the service: a model's own error, or one of SageMaker's. `sleeps`: a model that does
    not answer in time may have been woken by this request, and answers the next one.
    """
    code = error_code(error)
    if code == "ModelError":
        return _from_model(error.response, sleeps=sleeps)
    if code in _THROTTLED:
        return ApiError(429, "throttled", "too many requests; try again later", retry_after=RETRY_AFTER_SECONDS)
    if code == "ModelNotReadyException" or is_missing(error) or code in {"ValidationError", "ValidationException"}:
        # The request itself has been checked: a validation error here is about the endpoint (missing, or not in
        # service yet).
        return not_ready()
    if code in _UNAVAILABLE:
        return ApiError(
            503, "unavailable", "the model cannot be reached; try again later", retry_after=RETRY_AFTER_SECONDS
        )
    return ApiError(502, "upstream_error", "the model could not be asked")


def from_botocore_error(error: BotoCoreError, *, sleeps: bool = False) -> ApiError:
    """The answer when no answer came."""
    if isinstance(error, ReadTimeoutError):
        return waking() if sleeps else timed_out()
    return ApiError(503, "unavailable", "the model cannot be reached; try again later", retry_after=RETRY_AFTER_SECONDS)


def not_ready() -> ApiError:
    return ApiError(503, "not_ready", "no model is in service yet; try again later", retry_after=RETRY_AFTER_SECONDS)


def waking() -> ApiError:
    return ApiError(503, "waking", "the model is waking up; try again later", retry_after=RETRY_AFTER_SECONDS)


def timed_out() -> ApiError:
    return ApiError(504, "model_timeout", "the model did not answer in time")


def _from_model(response: dict[str, Any], *, sleeps: bool) -> ApiError:
    """OriginalStatusCode is the container's own; 0 when SageMaker gave up waiting for it."""
    status = int(response.get("OriginalStatusCode", 500))
    message, field = _said(response.get("OriginalMessage", ""))
    if status in _CALLERS_FAULT:
        return ApiError(status, _CALLERS_FAULT[status], message or "the model refused the request", field=field)
    if status == 429:
        return ApiError(429, "throttled", "the model is busy; try again later", retry_after=RETRY_AFTER_SECONDS)
    if status == 503:
        return ApiError(503, "not_ready", "the model is not ready; try again later", retry_after=RETRY_AFTER_SECONDS)
    if status in {0, 504}:
        return waking() if sleeps else timed_out()
    return ApiError(502, "model_error", "the model failed on this request")


def _said(body: str) -> tuple[str | None, str | None]:
    """Message and field of the model server's `{"error": {"message", "field"?}}`; nothing of any other body, which may
    be a trace.
    """
    try:
        error = strict_json.loads(body.encode())["error"]
        message, field = error["message"], error.get("field")
    except (ValueError, LookupError, TypeError, AttributeError):
        return None, None
    return str(message)[:1000], str(field)[:200] if field else None
