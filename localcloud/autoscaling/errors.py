"""The errors of Application Auto Scaling; those of malformed requests are shared with SageMaker.

ApiError
├── ValidationException            (localcloud.sagemaker.errors)
├── ObjectNotFoundException        no such scalable target, policy or scheduled action
├── ResourceNotFoundException      no such ARN, in the tagging operations
├── InvalidNextTokenException      a token that no answer contained
└── TooManyTagsException           more than 50 tags
"""

from __future__ import annotations

from localcloud.sagemaker.errors import ApiError


class ObjectNotFoundException(ApiError):
    """The scalable target, scaling policy or scheduled action does not exist."""


class ResourceNotFoundException(ApiError):
    """The ARN names nothing."""


class InvalidNextTokenException(ApiError):
    """The token was not returned by this operation."""


class TooManyTagsException(ApiError):
    """A resource takes 50 tags."""
