"""Generations of the state of the services that live in memory, each whole or absent.

A generation is one file, written beside, forced to the disk and renamed. What a killed server did since its last
generation is lost; so a generation is taken as soon as changes pause, and at least every few seconds while they do not.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)

_QUIET_SECONDS = 0.3
_LONGEST_SECONDS = 2.0
_KEPT = 2


class Snapshots:
    """Saves what ``capture()`` returns into ``folder`` after changes. Thread-safe."""

    def __init__(self, folder: Path, capture: Callable[[], bytes]) -> None:
        self._folder = folder
        self._capture = capture
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        self._last_change = 0.0
        self._digest = b""
        self._taking = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="snapshots", daemon=True)
        folder.mkdir(parents=True, exist_ok=True)

    def newest(self) -> tuple[str, bytes] | None:
        """Name and content of the newest generation."""
        found = _generations(self._folder)
        return (found[-1].stem, found[-1].read_bytes()) if found else None

    def start(self) -> None:
        """Begin to save after changes."""
        self._thread.start()

    def changed(self) -> None:
        """Something may have changed. Cheap."""
        self._last_change = time.monotonic()
        self._wanted.set()

    def take(self) -> None:
        """Save now, unless nothing differs from the last generation."""
        with self._taking:
            content = self._capture()
            digest = hashlib.sha256(content).digest()
            if digest != self._digest:
                self._write(content)
                self._digest = digest

    def stop(self) -> None:
        """Save a last time."""
        self._stopped.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()
        self.take()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wanted.wait()
            self._wanted.clear()
            first = time.monotonic()
            while not self._stopped.is_set() and time.monotonic() - first < _LONGEST_SECONDS:
                quiet = time.monotonic() - self._last_change
                if quiet >= _QUIET_SECONDS:
                    break
                self._stopped.wait(_QUIET_SECONDS - quiet)
            if not self._stopped.is_set():
                self._take_logged()

    def _take_logged(self) -> None:
        try:
            self.take()
        except Exception:  # the server goes on serving; the next change tries again
            log.exception("the state could not be saved; it would be lost now if the server were killed")

    def _write(self, content: bytes) -> None:
        previous = _generations(self._folder)
        number = int(previous[-1].stem.rpartition("-")[2]) + 1 if previous else 1
        path = self._folder / f"generation-{number:08d}.json"
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        _sync_folder(self._folder)
        for old in previous[: 1 - _KEPT]:
            old.unlink()


def _generations(folder: Path) -> list[Path]:
    return sorted(folder.glob("generation-*.json"))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
