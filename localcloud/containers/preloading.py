"""Which environments have a preloaded process (preloaded.py): those in use or about to be, a few at a time, until they
are idle.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from localcloud.containers.forking import Preloaded
from localcloud.containers.remembered import Remembered, Use
from localcloud.containers.spec import ContainerSpec

# Slow to import, and harmless: no threads, no files left open, nothing read from variables that a job sets by itself.
_SLOW = ("torch", "pytorch_lightning", "lightning", "sklearn", "pandas", "xgboost")
# What reads no settings at all, so that any program may find it imported: what most programs use of the standard
# library, and what model servers are made of.
_STANDARD = (
    *("argparse", "asyncio", "concurrent.futures", "csv", "dataclasses", "gzip", "hashlib", "http.client", "inspect"),
    *("importlib.metadata", "json", "logging", "mmap", "pathlib", "random", "shutil", "statistics", "subprocess"),
    *("tarfile", "tempfile", "traceback", "typing", "urllib.request", "uuid", "zipfile"),
)
_SERVERS = ("httptools", "orjson", "uvicorn", "uvloop")
# What differs from container to container of one image, and is none of the packages' business.
_OWN_PREFIXES = ("AWS_", "SAGEMAKER_", "SLIPWAY_", "TRAINING_JOB_", "PROCESSING_JOB_")
_OWN = ("HOME",)
_IMPORT_SECONDS = 60.0
_IDLE_SECONDS = 600.0
# Until a stack is deployed that names the image which a cloud may be meant for.
_GUESS_SECONDS = 60.0
# What no template but that of the CDK's own stack says, which is deployed before all others.
_BOOTSTRAP = "CdkBootstrapVersion"


@dataclass(frozen=True)
class _Wanted:
    """`slow`: with the slow packages, for programs that compute; else with what any program may find imported."""

    python: str
    variables: frozenset[tuple[str, str]]
    slow: bool

    def begin(self, clock: Callable[[], float], *, spare: bool) -> Preloaded:
        python = Path(self.python)
        modules = _slow_modules(python) if self.slow else _plain_modules(python)
        return Preloaded(python, dict(self.variables), modules, clock, slow=self.slow, spare=spare)


class Preloads:
    """The preloaded processes of one embedded cloud; from any thread. `limit` 0: none."""

    def __init__(self, limit: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._remembered: Remembered | None = None
        self._found: dict[_Wanted, Preloaded | None] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def configure(self, limit: int, remembered: Remembered) -> None:
        """How many of each size there may be at a time, and where it is kept which there were."""
        self._limit = limit if sys.platform.startswith("linux") else 0
        self._remembered = remembered

    def expect(self, template: str) -> None:
        """A stack of this template is there, or about to be: with what the others leave of the processor, and as far as
        there is room, that is preloaded which the images that it names last ran with. Before there can be such a stack
        the CDK deploys its own: then it is what trained last on this machine, for a short time. Returns at once.
        """
        if self._limit and self._remembered is not None:
            threading.Thread(target=self._prepare, args=(template,), name="preload", daemon=True).start()

    def take(self, spec: ContainerSpec, environment: Mapping[str, str]) -> Preloaded | None:
        """The process to fork this container from, or None where it has to start anew.

        One with the slow packages is made for a container that needs them, which waits for it. Others take what is
        there; if there is nothing, one is made for those who come after.
        """
        if not self._limit:
            return None
        variables = {
            name: value
            for name, value in environment.items()
            if name not in _OWN and not name.startswith(_OWN_PREFIXES)
        }
        wanted = _Wanted(str(spec.image.python), frozenset(variables.items()), slow=True)
        waits = spec.needs_imports and bool(_slow_modules(spec.image.python))
        if not waits and (wanted not in self._found or "-m" in spec.argv):
            if not _is_python(spec.argv):
                return None
            wanted = replace(wanted, slow=False)
        process = self._get(wanted, waits=waits)
        if process is not None and self._remembered is not None:
            own = spec.image.environment
            self._remembered.add(spec.image.uri, spec.image.python, variables, own, slow=wanted.slow)
        return process

    def _get(self, wanted: _Wanted, *, waits: bool) -> Preloaded | None:
        with self._lock:
            self._end_idle()
            begins = wanted not in self._found
            if begins:
                self._make_room(slow=wanted.slow)
                self._found[wanted] = wanted.begin(self._clock, spare=not waits)
            process = self._found[wanted]
            self._await_idle()
        if process is None or (begins and not waits) or not process.ready(_IMPORT_SECONDS if waits else 0):
            return None
        if process.failed:
            with self._lock:
                process.close()
                self._found[wanted] = None
            return None
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
        if self._remembered is None:
            return
        for use in self._remembered.named_in(template):
            self._begin_ahead(use, _IDLE_SECONDS)
        if _BOOTSTRAP in template:
            for use in self._remembered.newest():
                self._begin_ahead(use, _GUESS_SECONDS)

    def _begin_ahead(self, use: Use, seconds: float) -> None:
        """Kept so many seconds unless it is used."""
        wanted = _Wanted(use.python, frozenset(use.variables.items()), use.slow)
        with self._lock:
            free = len(self._alive(slow=use.slow)) < self._limit
            if wanted not in self._found and free and Path(use.python).exists():
                self._found[wanted] = wanted.begin(self._clock, spare=True)
                self._found[wanted].used -= _IDLE_SECONDS
            process = self._found.get(wanted)
            if process is not None:
                process.used = max(process.used, self._clock() - _IDLE_SECONDS + seconds)
                self._await_idle()

    def _end_idle(self) -> None:
        for key, process in list(self._found.items()):
            if process is not None and (process.was_killed or self._clock() - process.used >= _IDLE_SECONDS):
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

    def _make_room(self, *, slow: bool) -> None:
        alive = self._alive(slow=slow)
        while len(alive) >= self._limit:
            oldest = min(alive, key=lambda key: alive[key].used)
            alive.pop(oldest).close()
            del self._found[oldest]

    def _alive(self, *, slow: bool) -> dict[_Wanted, Preloaded]:
        """Small ones and large ones do not take each other's places."""
        return {key: process for key, process in self._found.items() if process is not None and key.slow == slow}


PRELOADS = Preloads()


def _is_python(argv: Sequence[str]) -> bool:
    """Whether a process that is no plain interpreter any more may become it."""
    return Path(argv[0]).name.startswith("python") and ("-m" in argv or any(a.endswith((".py", ".zip")) for a in argv))


def _slow_modules(python: Path) -> list[str]:
    return _installed(python, _SLOW)


def _plain_modules(python: Path) -> list[str]:
    return [*_STANDARD, *_installed(python, _SERVERS)]


def _installed(python: Path, names: Sequence[str]) -> list[str]:
    folders = list(python.parent.parent.glob("lib/python3*/site-packages"))
    return [name for name in names if any((folder / name).is_dir() for folder in folders)]
