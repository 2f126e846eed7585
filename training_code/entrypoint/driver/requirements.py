"""requirements.txt -> installed. Looking what is there takes a millisecond, asking pip takes seconds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from driver.errors import RequirementsNotInstalled

_LAST_LINES = 5
_DIST_INFO = ".dist-info"


def ensure_installed(path: Path) -> bool:
    """Installs what `path` names unless all of it is there already; returns whether pip ran.

    Raises RequirementsNotInstalled with pip's last lines.
    """
    if not path.is_file() or all(is_satisfied(line) for line in logical_lines(path.read_text(encoding="utf-8"))):
        return False
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-r", str(path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603
    print(done.stdout, end="", flush=True)
    if done.returncode != 0:
        told = "\n".join(done.stdout.strip().splitlines()[-_LAST_LINES:])
        raise RequirementsNotInstalled(f"pip install -r {path.name} ended with exit code {done.returncode}: {told}")
    return True


def logical_lines(text: str) -> list[str]:
    """The requirements without comments, hashes and line continuations."""
    lines = []
    for line in text.replace("\\\n", " ").splitlines():
        stripped = line.split(" #")[0].split(" --hash")[0].strip()
        if stripped and not stripped.startswith("#"):
            lines.append(stripped)
    return lines


def is_satisfied(line: str) -> bool:
    """Whether a requirement line is met by what is installed; False also for what only pip can tell."""
    name, equals, version = line.partition("==")
    if equals and name.replace("-", "").replace("_", "").replace(".", "").isalnum() and _is_plain(version):
        return _same(_listed().get(_normal(name)), version) or _same(_installed(name), version)
    return _is_satisfied_by_packaging(line)


def _is_plain(version: str) -> bool:
    return version.replace(".", "").replace("+", "").isalnum()


def _same(installed: str | None, version: str) -> bool:
    """As `==` has it: torch 2.13.0+cpu is torch 2.13.0."""
    return installed is not None and (
        installed == version or ("+" not in version and installed.split("+")[0] == version)
    )


@lru_cache(maxsize=1)
def _listed() -> dict[str, str]:
    """Project -> version as the names of the folders have it that installers leave, `torch-2.13.0+cpu.dist-info`.

    Reading what lies in the folders takes a millisecond each.
    """
    found: dict[str, str] = {}
    for place in filter(os.path.isdir, sys.path):
        for name in os.listdir(place):
            project, dash, version = name.partition("-")
            if dash and version.endswith(_DIST_INFO):
                found.setdefault(_normal(project), version[: -len(_DIST_INFO)])
    return found


def _normal(name: str) -> str:
    """As PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _is_satisfied_by_packaging(line: str) -> bool:
    """Markers and ranges, where the image has the library that understands them."""
    try:
        from packaging.requirements import InvalidRequirement, Requirement
    except ImportError:
        return False
    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        return False  # an option such as -r, or a path
    if requirement.marker and not requirement.marker.evaluate():
        return True
    if requirement.url or requirement.extras:
        return False
    installed = _installed(requirement.name)
    return installed is not None and requirement.specifier.contains(installed, prereleases=True)
