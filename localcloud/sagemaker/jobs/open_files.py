"""Whether any process has a file open for writing."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
from pathlib import Path

# Signals a lease's holder when somebody wants to write. We give ours back at once, but in between the kernel may send
# it, and its default, SIGIO, would end this process; nobody reacts to SIGURG.
_LEASE_SIGNAL = signal.SIGURG


def is_open_for_writing(path: Path) -> bool:
    """Asks the kernel for a read lease, which it grants only while there is no writer (fcntl(2), F_SETLEASE).

    False where the system or the file system has no leases. Raises OSError when the file cannot be opened.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, _LEASE_SIGNAL)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(descriptor)
    return False
