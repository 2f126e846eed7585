"""Documented limits that the service model's shapes do not express, shared by several resources."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from localcloud.sagemaker.errors import ValidationException

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def require_s3_uri(uri: str, path: str) -> None:
    """Refuse anything but ``s3://bucket/key`` with a valid bucket name."""
    scheme, separator, rest = uri.partition("://")
    if scheme != "s3" or not separator:
        raise ValidationException(f"Invalid S3 URI '{uri}' at '{path}': expected s3://<bucket>/<key>")
    bucket = rest.split("/", 1)[0]
    if not _BUCKET.fullmatch(bucket):
        raise ValidationException(f"Invalid S3 URI '{uri}' at '{path}': '{bucket}' is not a valid bucket name")


def require_unique(values: Iterable[str], what: str) -> None:
    """Refuse a value that occurs twice."""
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ValidationException(f"Duplicate {what} '{value}': {what}s must be unique within a request")
        seen.add(value)


def require_one_of(document: dict[str, Any], members: tuple[str, ...], where: str) -> str:
    """The one of ``members`` that is set (an empty list or string is not); refuse none and several."""
    given = [member for member in members if document.get(member) not in (None, [], "")]
    if len(given) != 1:
        found = f"found {' and '.join(given)}" if given else "found none"
        raise ValidationException(f"Exactly one of {' or '.join(members)} must be specified in {where}; {found}")
    return given[0]


def require_member(document: dict[str, Any], member: str, path: str) -> Any:
    """A member that the shape has optional but the case at hand needs."""
    if document.get(member) is None:
        raise ValidationException(
            f"1 validation error detected: Value null at '{path}' failed to satisfy constraint: Member must not be null"
        )
    return document[member]
