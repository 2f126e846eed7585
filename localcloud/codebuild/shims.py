"""`docker` and `aws` on a build's PATH: small scripts that call `python -m localcloud.images`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import localcloud

_COMMANDS = ("docker", "aws")


def write(folder: Path) -> None:
    """Makes `folder` and puts the scripts into it."""
    folder.mkdir(parents=True)
    root = Path(localcloud.__file__).resolve().parent.parent
    for command in _COMMANDS:
        path = folder / command
        # -P: nothing of the build's own folder is imported in place of ours; -u: output and errors stay in order.
        call = f'exec {shlex.quote(sys.executable)} -P -u -m localcloud.images {command} "$@"'
        path.write_text(f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(root))} {call}\n", encoding="utf-8")
        path.chmod(0o755)
