"""Rivals in virtual environments of their own, made once and kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from cli.programs import uv_environment

_MADE = ".made"


def environment(name: str, requirements: list[str], *, only_binary: bool = True) -> Path:
    """The folder of a virtual environment with exactly these requirements (`name==version`) and what they need.

    Its name has a hash of them: other pins are another environment. Raises ValueError for a requirement without an
    exact version, CalledProcessError when uv cannot install it.
    """
    for requirement in requirements:
        if "==" not in requirement and not requirement.startswith(("/", ".")):
            raise ValueError(f"{name}: {requirement!r} is no exact pin; expected name==version")
    pins = "\n".join([f"python {sys.version_info.major}.{sys.version_info.minor}", *sorted(requirements)])
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "slipway" / "benchmarks" / f"{name}-{hashlib.sha256(pins.encode()).hexdigest()[:12]}"
    if not (folder / _MADE).exists():
        uv = Path(sys.executable).parent / "uv"
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
        install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", folder / "bin" / "python"]
        binary = ["--only-binary", ":all:"] if only_binary else []
        subprocess.run([*install, *binary, *requirements], check=True, env=uv_environment())
        (folder / _MADE).touch()
    return folder
