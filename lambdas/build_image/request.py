"""The custom resource's properties, read strictly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_REPOSITORY_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/(?P<name>[a-z0-9/._-]+)"
)
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_TEXTS = (
    "ProjectName", "ServiceRole", "SourceBucket", "SourceKey", "Dockerfile", "ImageRepositoryUri", "ImageTag",
)  # fmt: skip
_KNOWN = frozenset({*_TEXTS, "BuildArgs", "ServiceToken", "ServiceTimeout"})


class InvalidProperties(ValueError):
    """Names the property and its value."""


@dataclass(frozen=True)
class ImageRequest:
    """An image that must exist, and how to build it: CodeBuild project and the role of this build (ARN), source archive
    in S3, the Dockerfile's path in it, build arguments.
    """

    project: str
    role: str
    source_bucket: str
    source_key: str
    dockerfile: str
    repository_uri: str
    tag: str
    build_args: Mapping[str, str]

    @property
    def repository(self) -> str:
        """The repository's name, without its registry."""
        return self.repository_uri.partition("/")[2]

    @property
    def account(self) -> str:
        """The registry's account."""
        return self.repository_uri.partition(".")[0]

    @property
    def image_uri(self) -> str:
        return f"{self.repository_uri}:{self.tag}"


def parse(properties: Mapping[str, Any]) -> ImageRequest:
    """Raises InvalidProperties."""
    if unknown := sorted(set(properties) - _KNOWN):
        raise InvalidProperties(f"unknown properties {', '.join(unknown)}; known: {', '.join(sorted(_KNOWN))}")
    project, role, bucket, key, dockerfile, repository_uri, tag = (_text(properties, name) for name in _TEXTS)
    if not _REPOSITORY_URI.fullmatch(repository_uri):
        raise InvalidProperties(f"ImageRepositoryUri: {repository_uri!r} is not the URI of an ECR repository")
    if not _TAG.fullmatch(tag):
        raise InvalidProperties(f"ImageTag: {tag!r} is not an image tag")
    arguments = _build_args(properties.get("BuildArgs", {}))
    return ImageRequest(project, role, bucket, key, dockerfile, repository_uri, tag, arguments)


def _text(properties: Mapping[str, Any], name: str) -> str:
    value = properties.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidProperties(f"{name}: a text is needed, not {value!r}")
    return value


def _build_args(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise InvalidProperties(f"BuildArgs: a mapping of texts is needed, not {value!r}")
    for name, text in value.items():
        # They reach the build as lines of one environment variable.
        if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) or not isinstance(text, str) or "\n" in text:
            raise InvalidProperties(f"BuildArgs: {name}: {text!r}: a name and a text of one line are needed")
    return dict(value)
