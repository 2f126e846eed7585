"""A server's processes: how it starts, when it answers, what memory it takes, and that nothing of it stays."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clouds import memory_kib

_LIMIT_SECONDS = 120.0
_POLL_SECONDS = 0.005
_END_SECONDS = 5.0
_SHOWN_BYTES = 3000


@dataclass(frozen=True)
class _Stat:
    """Of a process: its parent, and when it started, in ticks since the machine did."""

    parent: int
    started: int


class Running:
    """A started server; `ready_seconds` is the time from its start to the first good answer to `ready`."""

    def __init__(
        self,
        commands: Sequence[Sequence[str | Path]],
        *,
        environment: Mapping[str, str],
        folder: Path,
        ready: str | urllib.request.Request,
    ) -> None:
        self._log = folder / "server.log"
        self._processes: list[subprocess.Popen[bytes]] = []
        started = time.perf_counter()
        with self._log.open("wb") as log:
            for command in commands:
                self._processes.append(
                    subprocess.Popen(
                        list(command), cwd=folder, env=dict(environment), stdout=log, stderr=log, start_new_session=True
                    )
                )
        try:
            self._await(ready, started + _LIMIT_SECONDS)
        except BaseException:
            self.stop()
            raise
        self.ready_seconds = time.perf_counter() - started

    def _await(self, ready: str | urllib.request.Request, deadline: float) -> None:
        while time.perf_counter() < deadline:
            if any(process.poll() is not None for process in self._processes):
                raise RuntimeError(f"it ended before it answered:\n{self._tail()}")
            try:
                with urllib.request.urlopen(ready, timeout=10) as response:
                    if response.status == 200:
                        return
            except OSError:  # not listening yet, or not ready (URLError, HTTPError)
                time.sleep(_POLL_SECONDS)
        raise TimeoutError(f"it did not answer within {_LIMIT_SECONDS:.0f} s:\n{self._tail()}")

    def _tail(self) -> str:
        return self._log.read_bytes()[-_SHOWN_BYTES:].decode(errors="replace")

    def memory_mib(self) -> float:
        """Proportional set size of all its processes: pages that they share count once."""
        return sum(memory_kib(pid) for pid in self._family()) / 1024

    def _family(self) -> dict[int, _Stat]:
        """The processes and everything that they started, however deep."""
        everyone = _all_stats()
        family = {process.pid for process in self._processes}
        while grown := {pid for pid, stat in everyone.items() if stat.parent in family} - family:
            family |= grown
        return {pid: everyone[pid] for pid in family if pid in everyone}

    def stop(self) -> None:
        """SIGTERM to what was started here, then SIGKILL to whatever of its family is left."""
        family = self._family()
        for process in self._processes:
            process.terminate()
        deadline = time.perf_counter() + _END_SECONDS
        while time.perf_counter() < deadline and any(process.poll() is None for process in self._processes):
            time.sleep(_POLL_SECONDS)
        for pid, stat in family.items():
            if (now := _stat(pid)) and now.started == stat.started:  # else another process has its number by now
                os.kill(pid, signal.SIGKILL)
        for process in self._processes:
            process.wait()


def _all_stats() -> dict[int, _Stat]:
    pids = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdecimal()]
    return {pid: stat for pid in pids if (stat := _stat(pid))}


def _stat(pid: int) -> _Stat | None:
    """None for a process that is gone (proc(5), /proc/pid/stat)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return _Stat(parent=int(fields[1]), started=int(fields[19]))
