"""Removing a container's folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def remove_folder(folder: Path) -> None:
    """Removes what a container left; nothing happens when the folder is absent. Raises OSError.

    The kernel keeps an overlay's own folder without any permission, and a program may take its own away: to a user who
    is not root they are given back.
    """
    if not folder.exists():
        return
    try:
        shutil.rmtree(folder)
    except PermissionError:
        _make_accessible(folder)
        shutil.rmtree(folder)


def _make_accessible(folder: Path) -> None:
    for parent, names, _ in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            if not os.path.islink(path):
                os.chmod(path, 0o700)
