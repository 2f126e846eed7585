"""Which kind of separation this machine allows, found by trying it once."""

from __future__ import annotations

import functools
import os
import subprocess
import sys

_PROBE = """
import os, sys
sys.path.append(sys.argv[1])
from localcloud.containers import syscalls as s
flags = s.CLONE_NEWNS | s.CLONE_NEWPID | s.CLONE_NEWUTS | (s.CLONE_NEWUSER if sys.argv[2] == "user" else 0)
user = os.geteuid()
s.unshare(flags)
if sys.argv[2] == "user":
    open("/proc/self/setgroups", "w").write("deny")
    open("/proc/self/uid_map", "w").write(f"0 {user} 1")
s.mount("none", "/", None, s.MS_REC | s.MS_PRIVATE)
s.mount("tmpfs", "/opt", "tmpfs", 0)
child = os.fork()
if child == 0:
    s.mount("proc", "/proc", "proc", s.MS_NOSUID | s.MS_NODEV | s.MS_NOEXEC)
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

WITHOUT_NAMESPACES = (
    "This machine forbids mount namespaces, so /opt/ml is replaced by a folder of this container, named by"
    " SLIPWAY_ML_ROOT and by the SM_* variables. An image that hard-codes /opt/ml fails here. To enable them: run as"
    " root, or allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1; on Ubuntu also"
    " kernel.apparmor_restrict_unprivileged_userns=0)."
)


@functools.cache
def detect() -> str | None:
    """The namespaces a container gets: "root", "user" (unprivileged), or None where the machine forbids both."""
    if not sys.platform.startswith("linux"):
        return None
    candidates = ("root", "user") if os.geteuid() == 0 else ("user",)
    return next((candidate for candidate in candidates if _works(candidate)), None)


def import_root() -> str:
    """The folder that holds the package `localcloud`."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _works(candidate: str) -> bool:
    command = [sys.executable, "-I", "-S", "-c", _PROBE, import_root(), candidate]
    return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0  # noqa: S603
