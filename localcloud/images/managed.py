"""The table of images that nobody builds here: AWS's managed ones, and the public Python ones (see managed.toml)."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from localcloud.images import requirement_files
from localcloud.images.reference import Reference

_FOLDER = Path(__file__).parent
REQUIREMENTS = _FOLDER / "requirements"
PROGRAMS = _FOLDER / "programs"


@dataclass(frozen=True)
class Managed:
    """What stands for an image: requirement lines on a Python version ("3.12"; None: the one that runs this cloud).

    `programs` is a folder of ours that is searched for programs first.
    """

    name: str
    requirements: tuple[str, ...] = ()
    python_version: str | None = None
    programs: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    differs: str = ""


def find(reference: Reference, *, own_account: str) -> Managed | None:
    """The table's entry for an image URI, or None. An image in the account's own registry is never a managed one."""
    if reference.account not in (None, own_account):
        return _aws_image(reference)
    return _base_image(reference) if reference.account is None else None


def requirement_sets() -> tuple[str, ...]:
    """The names of the requirement sets that images of the table use."""
    return tuple(sorted({entry["requirements"] for kind in ("managed", "base") for entry in _table()[kind]}))


def of_set(name: str) -> tuple[str, ...]:
    """The pinned lines of a requirement set."""
    return requirement_files.read([REQUIREMENTS / f"{name}.txt"])


def known() -> str:
    """The table in words, for messages."""
    aws = [f"{entry['repository']}:{entry['tag']}" for entry in _table()["managed"]]
    return f"AWS's managed images matching {', '.join(aws)}; python:3.x and its variants"


def _aws_image(reference: Reference) -> Managed | None:
    for entry in _table()["managed"]:
        if re.fullmatch(entry["repository"], reference.repository) and re.fullmatch(entry["tag"], reference.tag or ""):
            return Managed(
                name=entry["requirements"],
                requirements=of_set(entry["requirements"]),
                programs=PROGRAMS / entry["programs"] if "programs" in entry else None,
                environment=entry["environment"],
                differs=entry["differs"],
            )
    return None


def _base_image(reference: Reference) -> Managed | None:
    for entry in _table()["base"]:
        tag = re.fullmatch(entry["tag"], reference.tag or "")
        if tag and re.fullmatch(entry["name"], reference.name):
            return Managed(
                name=f"python-{tag['version']}",
                requirements=of_set(entry["requirements"]),
                python_version=tag["version"],
                environment=entry["environment"],
                command=("python3",),
                differs="no operating system of its own",
            )
    return None


@cache
def _table() -> dict[str, list[dict]]:
    return tomllib.loads((_FOLDER / "managed.toml").read_text(encoding="utf-8"))
