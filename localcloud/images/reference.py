"""Image references: `[registry/]name[:tag][@digest]`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from localcloud.images.errors import InvalidReference

_REFERENCE = re.compile(
    r"(?:(?P<registry>localhost|(?=[^/]*[.:])[A-Za-z0-9][A-Za-z0-9.-]*(?::\d+)?)/)?"
    r"(?P<repository>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
_ECR = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")


@dataclass(frozen=True)
class Reference:
    """`registry` is empty for a name without one; `tag` is `latest` where neither tag nor digest is given."""

    registry: str
    repository: str
    tag: str | None
    digest: str | None

    @property
    def account(self) -> str | None:
        """The account whose ECR registry it is, or None."""
        found = _ECR.fullmatch(self.registry)
        return found["account"] if found else None

    @property
    def name(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}" if self.registry else self.repository

    def __str__(self) -> str:
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse(text: str) -> Reference:
    """Raises InvalidReference."""
    found = _REFERENCE.fullmatch(text)
    if not found:
        raise InvalidReference(f"{text!r} is not an image reference ([registry/]name[:tag][@sha256:digest])")
    tag = found["tag"] or (None if found["digest"] else "latest")
    return Reference(found["registry"] or "", found["repository"], tag, found["digest"])
