"""Python environments, built once for each content and kept in the user's cache, shared by every embedded cloud.

An environment is a chain of layers, as an image's installed packages are: each layer is one `pip install` on top of the
one below. Its folder is named after the content of the whole chain, so the same requirements are never installed twice.
A layer is made from hard links to the one below, bytecode included, and differs by what uv installs on top.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import shutil
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from localcloud.images import requirement_files, uv

_log = logging.getLogger(__name__)
_DESCRIPTION = "slipway-environment.json"


def default_root() -> Path:
    """`$XDG_CACHE_HOME/slipway/environments`, with `~/.cache` where that variable is not set."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "slipway/environments"


@dataclass(frozen=True)
class Environment:
    """`interpreter` is the host's Python that it is made from, `layers` its requirement lines, lowest first."""

    root: Path
    interpreter: Path
    layers: tuple[tuple[str, ...], ...] = ()

    @property
    def folder(self) -> Path:
        return self.root / _key(self.interpreter, self.layers)

    @property
    def python(self) -> Path:
        return self.scripts / "python"

    @property
    def scripts(self) -> Path:
        """The folder of the environment's programs."""
        return self.folder / "bin"

    def with_requirements(self, lines: Sequence[str], *, source: str) -> Environment:
        """This environment with `lines` installed on top; itself when there are none.

        `source` names, for messages, where the lines come from. Raises EnvironmentBuildFailed.
        """
        layer = requirement_files.normalise(lines)
        if not layer or layer in self.layers:
            return self
        return build(Environment(self.root, self.interpreter, (*self.layers, layer)), source=source)


def build(environment: Environment, *, source: str = "requirements") -> Environment:
    """Makes sure that the environment exists, building what is missing of it. Raises EnvironmentBuildFailed."""
    if environment.folder.is_dir():
        return environment
    below = Environment(environment.root, environment.interpreter, environment.layers[:-1])
    if environment.layers:
        build(below, source=source)
    environment.root.mkdir(parents=True, exist_ok=True)
    with _locked(environment.folder.with_suffix(".lock")):
        if not environment.folder.is_dir():
            _make(environment, below, source)
    return environment


def _make(environment: Environment, below: Environment, source: str) -> None:
    partial = environment.folder.with_suffix(".partial")
    log = environment.folder.with_suffix(".log")
    shutil.rmtree(partial, ignore_errors=True)  # what a killed build left; we hold the lock
    try:
        if environment.layers:
            _log.info("installing %s (%d lines); progress in %s", source, len(environment.layers[-1]), log)
            _copy(below.folder, partial)
            uv.install(partial, environment.layers[-1], log=log, source=source)
        else:
            uv.create(partial, environment.interpreter, log=log)
        _describe(environment, partial)
        partial.rename(environment.folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _describe(environment: Environment, folder: Path) -> None:
    path = folder / _DESCRIPTION
    path.unlink(missing_ok=True)  # it may be a link to the description of the layer below
    content = {"interpreter": str(environment.interpreter), "layers": environment.layers}
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _copy(source: Path, destination: Path) -> None:
    try:
        shutil.copytree(source, destination, symlinks=True, copy_function=os.link)
    except (OSError, shutil.Error):  # a file system without hard links
        shutil.rmtree(destination, ignore_errors=True)
        shutil.copytree(source, destination, symlinks=True)
    # When uv replaces a package it leaves the bytecode of modules that lie in no folder of their own.
    for cache in destination.glob("lib/*/site-packages/__pycache__"):
        shutil.rmtree(cache)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Only one process at a time; the lock goes with its process."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _key(interpreter: Path, layers: tuple[tuple[str, ...], ...]) -> str:
    content = [str(interpreter), sysconfig.get_platform(), layers]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]
