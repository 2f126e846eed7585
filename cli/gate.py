"""A gate in a command line: what comes after it waits until this process opens it, or ends."""

from __future__ import annotations

import fcntl
import shlex
import sys
import tempfile
from types import TracebackType

_WAIT = "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_SH)"


class Gate:
    """Closed when entered; opened by `open`, at the end of the block, and by the death of the process."""

    def __enter__(self) -> Gate:
        self._file = tempfile.NamedTemporaryFile(prefix="slipway-gate-")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def command(self) -> str:
        """For a shell: ends when the gate is open."""
        return shlex.join([sys.executable, "-I", "-S", "-c", _WAIT, self._file.name])

    def open(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)
