"""What a request, or the code that serves it, can do wrong.

RequestError (has a status)
├── InvalidInput 400
├── NotFound 404
├── MethodNotAllowed 405
├── NotAcceptable 406
├── AlreadyLoaded 409
├── BodyTooLarge 413
├── UnsupportedMediaType 415
├── ModelFailed 500
├── Busy 503
├── TimedOut 504
└── OutOfMemory 507
InvalidInferenceCode: inference.py cannot be used
"""

from __future__ import annotations


class RequestError(Exception):
    """Answered as `{"error": {"message", "field"?}}` with `status`; the message goes to the client."""

    status = 500
    retry_after_seconds: int | None = None

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class InvalidInput(RequestError):
    status = 400


class NotFound(RequestError):
    status = 404


class MethodNotAllowed(RequestError):
    status = 405


class NotAcceptable(RequestError):
    status = 406


class AlreadyLoaded(RequestError):
    status = 409


class BodyTooLarge(RequestError):
    status = 413


class UnsupportedMediaType(RequestError):
    status = 415


class ModelFailed(RequestError):
    """The hooks raised; the cause is logged, the client is only told that it happened."""

    status = 500


class Busy(RequestError):
    """The queue is full."""

    status = 503

    def __init__(self, message: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class TimedOut(RequestError):
    status = 504


class OutOfMemory(RequestError):
    """Another model does not fit; SageMaker unloads one and asks again."""

    status = 507


class InvalidInferenceCode(Exception):
    """inference.py is missing, or lacks what every workload has to have."""
