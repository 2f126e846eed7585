"""Memory that is left in this container.

Sources: https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files, proc_meminfo(5).
"""

from __future__ import annotations

from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_MEMINFO = Path("/proc/meminfo")
_PLENTY = 1 << 62  # where the system does not say


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
