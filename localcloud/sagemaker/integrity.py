"""Looks at the store's file before it is used: a damaged one would show itself in the middle of some request."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


class DamagedStore(Exception):
    """The message names the file, what is wrong with it, and what to do."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} is damaged ({reason}); put a copy in its place, or delete it to go on without SageMaker's records"
        )


def check(path: Path) -> None:
    """Raises DamagedStore. An absent file is a good one."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        raise DamagedStore(path, str(error)) from error
    if found != "ok":
        raise DamagedStore(path, found)
