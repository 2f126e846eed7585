"""Memory that is left in this container.

Sources: https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files, proc_meminfo(5), proc_pid_statm(5).
"""

from __future__ import annotations

import resource
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_MEMINFO = Path("/proc/meminfo")
_STATM = Path("/proc/self/statm")
_PLENTY = 1 << 62  # where the system does not say


def copies_that_fit(wanted: int, resident: int, available: int) -> int:
    """Of processes like this one, this one's memory being free again; at least one.

    Args:
        resident: bytes of this process (`resident_bytes`).
        available: bytes beside it (`available_bytes`).
    """
    return max(1, min(wanted, (resident + available) // max(1, resident)))


def resident_bytes(statm: Path = _STATM) -> int:
    """Of this process; 0 where the system does not say."""
    return int(statm.read_text().split()[1]) * resource.getpagesize() if statm.is_file() else 0


def available_bytes(cgroup: Path = _CGROUP, meminfo: Path = _MEMINFO) -> int:
    """What the machine has, or what the container's limit leaves of it, whichever is less."""
    return min(_of_machine(meminfo), _of_limit(cgroup))


def _of_machine(meminfo: Path) -> int:
    if not meminfo.is_file():
        return _PLENTY
    lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
    return int(lines["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in lines else _PLENTY


def _of_limit(cgroup: Path) -> int:
    limit, used = cgroup / "memory.max", cgroup / "memory.current"
    if not limit.is_file() or not used.is_file():
        return _PLENTY
    text = limit.read_text().strip()
    return _PLENTY if text == "max" else max(0, int(text) - int(used.read_text()))
