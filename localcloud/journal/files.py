"""The folder of a journal.

``generation-N.json`` is the whole state at one moment, with a checksum as its last line; ``journal-N.log`` holds what
changed since, one record a line, each behind its checksum. The generation before is kept, with its journal, so that a
damaged one costs nothing. What was not written to the end was never acknowledged, and is dropped.
"""

from __future__ import annotations

import json
import logging
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from localcloud.journal.changes import apply

log = logging.getLogger(__name__)

_KEPT = 2
_CHECKSUM = b"crc32:"


class Damaged(Exception):
    """No generation of the folder can be read; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """``name`` of the generation, the ``tree`` with its journals applied, and ``remarks`` on what was damaged."""

    name: str
    tree: dict[str, Any]
    remarks: list[str]


class Folder:
    """Reads and writes the files. One process at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.mkdir(parents=True, exist_ok=True)

    def load(self) -> Loaded | None:
        """The newest state that can be read, or None in an empty folder. Raises Damaged."""
        remarks: list[str] = []
        numbers = self._numbers()
        for number in reversed(numbers):
            try:
                tree = _read_generation(self._generation(number))
            except (OSError, ValueError) as error:
                remarks.append(f"{self._generation(number).stem} is damaged: {error}")
                continue
            for following in (other for other in numbers if other >= number):
                if not self._replay(following, tree, remarks):
                    break
            return Loaded(name=self._generation(number).stem, tree=tree, remarks=remarks)
        if numbers:
            raise Damaged("; ".join(remarks))
        return None

    def write_generation(self, content: bytes) -> IO[bytes]:
        """Begin a new generation; returns its journal, empty and open. Raises OSError, and leaves nothing then."""
        numbers = self._numbers()
        number = numbers[-1] + 1 if numbers else 1
        path = self._generation(number)
        temporary = path.with_suffix(".tmp")
        try:
            with temporary.open("wb") as file:
                file.write(content + b"\n" + _CHECKSUM + _checksum(content) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            journal = self._journal(number).open("wb", buffering=0)
            temporary.rename(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        self._sync()
        for old in numbers[: 1 - _KEPT]:
            self._generation(old).unlink()
            self._journal(old).unlink(missing_ok=True)
        return journal

    def _replay(self, number: int, tree: dict[str, Any], remarks: list[str]) -> bool:
        """Apply a generation's journal; False when what follows it cannot be applied any more."""
        path = self._journal(number)
        lines = path.read_bytes().split(b"\n") if path.exists() else [b""]
        for index, line in enumerate(lines[:-1]):  # the last one has no end: empty, or torn
            try:
                checksum, _, content = line.partition(b" ")
                if checksum != _checksum(content):
                    raise ValueError("its checksum is wrong")
                apply(tree, json.loads(content))
            except (LookupError, TypeError, ValueError) as error:
                remarks.append(f"{path.stem} is damaged in record {index + 1} of {len(lines) - 1}: {error}")
                return False
        return True

    def _numbers(self) -> list[int]:
        return sorted(int(path.stem.rpartition("-")[2]) for path in self._path.glob("generation-*.json"))

    def _generation(self, number: int) -> Path:
        return self._path / f"generation-{number:08d}.json"

    def _journal(self, number: int) -> Path:
        return self._path / f"journal-{number:08d}.log"

    def _sync(self) -> None:
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def record(content: bytes) -> bytes:
    """One line of a journal; ``content`` is JSON without a line break."""
    return _checksum(content) + b" " + content + b"\n"


def _read_generation(path: Path) -> dict[str, Any]:
    content, marked, checksum = path.read_bytes().rpartition(b"\n" + _CHECKSUM)
    if not marked:
        raise ValueError("it has no checksum")
    if checksum.strip() != _checksum(content):
        raise ValueError("its checksum is wrong")
    return json.loads(content)


def _checksum(content: bytes) -> bytes:
    return f"{zlib.crc32(content):08x}".encode()
