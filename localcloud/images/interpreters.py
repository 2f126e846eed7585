"""The Python interpreters of this machine that environments are made from."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from localcloud.images import uv


def for_version(version: str | None) -> Path:
    """The interpreter for "3.12", or the running one where the version is None or not on this machine."""
    return (None if version in (None, running_version()) else _found(version)) or running()


def is_missing(version: str) -> bool:
    """Whether `for_version` has to take another version than the one asked for."""
    return version != running_version() and _found(version) is None


def running() -> Path:
    """The Python that runs this program: the one below the virtual environment, when it is in one."""
    return Path(getattr(sys, "_base_executable", None) or sys.executable).resolve()


def running_version() -> str:
    """Such as "3.12"."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


@cache
def _found(version: str) -> Path | None:
    return uv.find_python(version)
