"""RUN python -m compileall: by the image's own interpreter, which is there without an engine."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from localcloud.images.dockerfile.copying import ImageTree

_MODULE = ["-m", "compileall"]
_OPTIONS = frozenset({"-q", "-qq", "-f", "--invalidation-mode"})
_WITH_VALUE = "--invalidation-mode"


def arguments(command: Sequence[str]) -> list[str] | None:
    """Those of compileall, where it is what the command runs."""
    is_python = re.fullmatch(r"python3?(\.\d+)?", PurePosixPath(command[0]).name)
    return list(command[3:]) if is_python and list(command[1:3]) == _MODULE else None


def compile_all(words: Sequence[str], tree: ImageTree, workdir: str, python: Path) -> None:
    """Compiles folders and files of the tree for the paths that they have in the image. The same files give the same
    bytes where the words name an invalidation mode by hash. Raises ValueError with compileall's own words.
    """
    options, paths = _split(words)
    if not paths:
        raise ValueError("compileall names no folder")
    # -s, -p: tracebacks show the names of code, which are those in the image.
    places = ["-s", str(tree.rootfs), "-p", "/", *(str(tree.host(path, workdir)) for path in paths)]
    command = [str(python), "-I", *_MODULE, *options, *places]
    done = subprocess.run(command, env={}, capture_output=True, text=True)  # noqa: S603
    if done.returncode != 0:
        raise ValueError(f"compileall: {(done.stdout + done.stderr).replace(str(tree.rootfs), '').strip()}")


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    options: list[str] = []
    paths: list[str] = []
    for word in words:
        if options[-1:] == [_WITH_VALUE] or word in _OPTIONS:
            options.append(word)
        elif word.startswith("-"):
            raise ValueError(f"the option {word} of compileall is not supported in the embedded cloud")
        else:
            paths.append(word)
    return options, paths
