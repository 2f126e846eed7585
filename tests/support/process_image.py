"""An image without a build: the interpreter that runs the tests, and one script. What it starts is a real process."""

import sys
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class ProcessImage:
    """The members of localcloud.images.Image that running a container needs."""

    uri: str = "000000000000.dkr.ecr.us-east-1.amazonaws.com/test:1"
    digest: str = "sha256:" + "0" * 64
    python: Path = Path(sys.executable)
    path_entries: tuple[Path, ...] = (Path(sys.executable).parent,)
    environment: dict[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    workdir: str | None = None
    files: tuple[tuple[Path, str], ...] = ()

    def with_requirements(self, paths: list[Path]) -> "ProcessImage":
        """Everything that a test asks for is installed."""
        return self


class ProcessImages:
    """An image registry: URI -> image."""

    def __init__(self) -> None:
        self.images: dict[str, ProcessImage] = {}

    def add(self, uri: str, script: str, **members: object) -> str:
        """An image whose entry point is a Python program."""
        self.images[uri] = ProcessImage(uri=uri, entrypoint=("python3", "-c", script), **members)
        return uri

    def resolve(self, uri: str) -> ProcessImage:
        if uri not in self.images:
            raise LookupError(f"no image {uri!r}; known: {sorted(self.images)}")
        return self.images[uri]
