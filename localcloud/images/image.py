"""What the embedded cloud runs in place of a container image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from localcloud.images import requirement_files
from localcloud.images.environments import Environment


@dataclass(frozen=True)
class Image:
    """A Python environment, files at container paths, and how to start.

    Attributes:
        uri: the reference it was resolved from.
        digest: `sha256:<hex>` of its manifest: the same content has the same digest.
        packages: the environment. It is shared with other images and runs, so nobody may install into it in place.
        search_path: the image's other folders of programs on the host: the first list precedes the environment's, the
            second follows it.
        environment, entrypoint, command, workdir: as in the image's configuration; `workdir` None where none is set.
        files: (host file or folder, container path); no destination lies below another one.
        notes: where this image differs from what its URI names, for logs.
    """

    uri: str
    digest: str
    packages: Environment
    search_path: tuple[tuple[Path, ...], tuple[Path, ...]] = ((), ())
    environment: dict[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    workdir: str | None = None
    files: tuple[tuple[Path, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def python(self) -> Path:
        return self.packages.python

    @property
    def path_entries(self) -> tuple[Path, ...]:
        """The image's folders on PATH, first the one that is searched first; the system's own come after them."""
        before, after = self.search_path
        return (*before, self.packages.scripts, *after)

    def with_requirements(self, paths: Sequence[Path]) -> Image:
        """This image with the files' requirements installed on top, as `pip install -r` in its container would.

        Raises InvalidRequirements, EnvironmentBuildFailed.
        """
        lines = requirement_files.read(paths)
        source = ", ".join(path.name for path in paths)
        return replace(self, packages=self.packages.with_requirements(lines, source=source))
