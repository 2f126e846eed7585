"""The Python interpreters of this machine that environments are made from.

uv finds them, and starts each that it meets on its way: what it found is kept for as long as there are the same ones.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import sys
import threading
from functools import cache
from pathlib import Path

from localcloud.images import environments, uv

log = logging.getLogger(__name__)

_KEPT = "interpreters.json"
_SETS = 16
"""How many sets of interpreters are kept: programs with another PATH see others."""


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
    kept, there = environments.default_root() / _KEPT, _there()
    known = _read(kept).get(there, {})
    if not _holds(known, version):
        found = uv.find_python(version)
        known[version] = str(found) if found else None
        _write(kept, there, known)
    return Path(known[version]) if known[version] else None


def _holds(known: dict[str, str | None], version: str) -> bool:
    """Whether what was found is still there: a link in PATH is as old as it was when what it leads to has gone."""
    return version in known and (known[version] is None or Path(str(known[version])).exists())


def _there() -> str:
    """A digest of the programs that uv may take for interpreters: their names, places and ages."""
    folders = [Path(folder) for folder in os.get_exec_path() if Path(folder).is_dir()]
    own = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path.home() / ".local/share/uv/python")
    paths = [*(path for folder in folders for path in sorted(folder.glob("python*"))), *sorted(own.glob("*"))]
    ages = [(str(path), path.lstat().st_mtime_ns) for path in paths]
    return hashlib.sha256(json.dumps(ages).encode()).hexdigest()


def _read(path: Path) -> dict[str, dict[str, str | None]]:
    """For each set of interpreters: version -> interpreter, None where there is none."""
    if not path.is_file():
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        log.warning("%s is written anew: %s", path, error)
        return {}
    return {there: found for there, found in document.items() if isinstance(found, dict)}


def _write(path: Path, there: str, found: dict[str, str | None]) -> None:
    """A disk that is full or cannot be written to costs time, and nothing else."""
    others = [item for item in _read(path).items() if item[0] != there]
    kept = dict([*others, (there, found)][-_SETS:])
    temporary = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(kept), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        log.warning("%s is not kept: %s", path, error)
        with contextlib.suppress(OSError):
            temporary.unlink()
