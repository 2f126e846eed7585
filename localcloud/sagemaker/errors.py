"""The errors SageMaker answers, with the codes of the service model.

ApiError
├── ValidationException          a member is malformed, or names something that is not there or already is
├── SerializationException       the body is not the JSON that the operation's input shape asks for
├── ResourceInUse                the name is taken, or the resource is busy
├── ResourceNotFound             there is no such resource, where the operation has an error of its own for that
├── ResourceLimitExceeded        a service quota
├── ConflictException            the resource's own state forbids it
├── AccessDeniedException        a further permission (iam:PassRole, sagemaker:AddTags)
└── UnknownOperationException    no such operation in the service model
"""

from __future__ import annotations


class ApiError(Exception):
    """Answered as HTTP ``status`` with ``{"__type": code, "message": ...}``."""

    status = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def code(self) -> str:
        return type(self).__name__


class ValidationException(ApiError):
    """The request is well formed but not acceptable."""


class SerializationException(ApiError):
    """The request cannot be read as the operation's input."""


class ResourceInUse(ApiError):
    """The name is taken or the resource is in use."""


class ResourceNotFound(ApiError):
    """There is no such resource."""


class ResourceLimitExceeded(ApiError):
    """The request is beyond a service quota."""


class ConflictException(ApiError):
    """The state of the resource forbids the request."""


class AccessDeniedException(ApiError):
    """The caller may not do this."""


class UnknownOperationException(ApiError):
    """The service model has no such operation."""
