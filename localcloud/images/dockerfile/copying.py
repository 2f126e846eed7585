"""COPY: files of the build context -> the image's file tree."""

from __future__ import annotations

import posixpath
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from localcloud.images.dockerfile.context import BuildContext
from localcloud.images.dockerfile.parser import Instruction

_IGNORED_FLAGS = frozenset({"chown", "link"})  # owners mean nothing without an engine; links are a cache's matter


@dataclass(frozen=True)
class ImageTree:
    """The image's files below `rootfs`, addressed by container paths."""

    rootfs: Path

    def host(self, path: str, workdir: str = "/") -> Path:
        """The host's path of a container path; relative ones start at `workdir`."""
        absolute = posixpath.normpath(posixpath.join("/", workdir, path))
        return self.rootfs / absolute.lstrip("/")


def copy(instruction: Instruction, text: str, tree: ImageTree, context: BuildContext, workdir: str) -> int:
    """Performs one COPY whose substituted arguments are `text`; returns the number of files. Raises DockerfileError."""
    mode = _mode(instruction)
    words = list(instruction.exec_form() or shlex.split(text))
    if len(words) < 2:
        raise instruction.error("needs at least one source and a destination")
    try:
        return _copy(words[:-1], words[-1], tree, context, workdir, mode)
    except ValueError as error:
        raise instruction.error(str(error)) from error


def _copy(
    patterns: list[str], destination: str, tree: ImageTree, context: BuildContext, workdir: str, mode: int | None
) -> int:
    sources = [source for pattern in patterns for source in context.sources(pattern)]
    target = tree.host(destination, workdir)
    into_folder = destination.endswith(("/", "/.")) or destination == "." or target.is_dir()
    if len(sources) > 1 and not into_folder:
        raise ValueError(f"several sources need a folder as destination: write {destination + '/'!r}")
    count = 0
    for source in sources:
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        for file in context.files(source):
            relative = file.relative_to(source) if source.is_dir() else Path(file.name if into_folder else "")
            _put(file, target / relative, mode)
            count += 1
    return count


def _put(source: Path, target: Path, mode: int | None) -> None:
    if target.is_dir():
        raise ValueError(f"cannot replace the folder {target.name!r} by a file")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)  # it may be a link into the image below
    shutil.copyfile(source, target)
    target.chmod(mode if mode is not None else (0o755 if source.stat().st_mode & 0o100 else 0o644))


def _mode(instruction: Instruction) -> int | None:
    mode = None
    for name, value in instruction.flags:
        if name == "chmod":
            try:
                mode = int(value, 8)
            except ValueError:
                raise instruction.error(f"--chmod={value}: give an octal mode such as 755") from None
        elif name == "from":
            raise instruction.error("--from needs several stages, which the embedded cloud cannot build; use one stage")
        elif name not in _IGNORED_FLAGS:
            raise instruction.error(f"--{name} is not supported")
    return mode
