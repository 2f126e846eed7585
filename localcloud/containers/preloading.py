"""Which environments have a preloaded process (preloaded.py): those in use or about to be, a few at a time, until they
are idle.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from localcloud.containers.forking import Preloaded
from localcloud.containers.remembered import Remembered
from localcloud.containers.spec import ContainerSpec

# Slow to import, and harmless: no threads, no files left open, nothing read from variables that a job sets by itself.
_MODULES = ("torch", "pytorch_lightning", "lightning", "sklearn", "pandas", "xgboost")
# What differs from container to container of one image, and is none of the packages' business.
_OWN_PREFIXES = ("AWS_", "SAGEMAKER_", "SLIPWAY_", "TRAINING_JOB_", "PROCESSING_JOB_")
_OWN = ("HOME",)
_IMPORT_SECONDS = 60.0
_IDLE_SECONDS = 600.0

Key = tuple[str, tuple[tuple[str, str], ...]]


class Preloads:
    """The preloaded processes of one embedded cloud; from any thread. `limit` 0: none."""

    def __init__(self, limit: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._remembered: Remembered | None = None
        self._found: dict[Key, Preloaded | None] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def configure(self, limit: int, remembered: Remembered) -> None:
        """How many there may be at a time, and where it is kept which there were."""
        self._limit = limit if sys.platform.startswith("linux") else 0
        self._remembered = remembered

    def expect(self, template: str) -> None:
        """A stack of this template is there, or about to be: with what the others leave of the processor, and as far as
        there is room, that is preloaded with which the images that it names last trained. Returns at once.
        """
        if self._limit and self._remembered is not None:
            threading.Thread(target=self._prepare, args=(template,), name="preload", daemon=True).start()

    def take(self, spec: ContainerSpec, environment: Mapping[str, str]) -> Preloaded | None:
        """The process to fork this container from, or None where it has to start anew.

        One is made for a container that needs the imports, which waits for them; others take what is there.
        """
        modules = _modules(spec.image.python) if self._limit else []
        if not modules:
            return None
        shared = {
            name: value
            for name, value in environment.items()
            if name not in _OWN and not name.startswith(_OWN_PREFIXES)
        }
        key = _key(spec.image.python, shared)
        with self._lock:
            self._end_idle()
            if key not in self._found and not spec.needs_imports:
                return None
            if key not in self._found:
                self._make_room()
                self._found[key] = Preloaded(spec.image.python, shared, modules, self._clock)
            process = self._found[key]
            self._await_idle()
        if process is None or not process.ready(_IMPORT_SECONDS if spec.needs_imports else 0):
            return None
        if process.failed:
            with self._lock:
                self._found[key] = None
            return None
        if spec.needs_imports and self._remembered is not None:
            self._remembered.add(spec.image.uri, spec.image.python, shared, spec.image.environment)
        return process

    def close(self) -> None:
        with self._lock:
            self._limit = 0
            self._stop_timer()
            for process in self._found.values():
                if process is not None:
                    process.close()
            self._found.clear()

    def _prepare(self, template: str) -> None:
        for use in self._remembered.named_in(template) if self._remembered else ():
            python, key = Path(use.python), _key(Path(use.python), use.variables)
            modules = _modules(python)
            with self._lock:
                alive = [process for process in self._found.values() if process is not None]
                if modules and key not in self._found and len(alive) < self._limit:
                    self._found[key] = Preloaded(python, use.variables, modules, self._clock, spare=True)
                    self._await_idle()

    def _end_idle(self) -> None:
        for key, process in list(self._found.items()):
            if process is not None and self._clock() - process.used >= _IDLE_SECONDS:
                process.close()
                del self._found[key]

    def _await_idle(self) -> None:
        """Looks again when the next one may be idle, whether or not anybody asks by then."""
        self._stop_timer()
        used = [process.used for process in self._found.values() if process is not None]
        if used:
            self._timer = threading.Timer(max(0.0, min(used) + _IDLE_SECONDS - self._clock()), self._look_again)
            self._timer.daemon = True
            self._timer.start()

    def _look_again(self) -> None:
        with self._lock:
            if self._limit:  # not closed in the meantime
                self._end_idle()
                self._await_idle()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _make_room(self) -> None:
        alive = {key: process for key, process in self._found.items() if process is not None}
        while len(alive) >= self._limit:
            oldest = min(alive, key=lambda key: alive[key].used)
            alive.pop(oldest).close()
            del self._found[oldest]


PRELOADS = Preloads()


def _key(python: Path, variables: Mapping[str, str]) -> Key:
    return str(python), tuple(sorted(variables.items()))


def _modules(python: Path) -> list[str]:
    """What an environment has of the slow ones."""
    folders = list(python.parent.parent.glob("lib/python3*/site-packages"))
    return [name for name in _MODULES if any((folder / name).is_dir() for folder in folders)]
