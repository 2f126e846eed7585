"""A network of a job's own: its containers reach each other by loopback, and nobody else."""

from __future__ import annotations

import subprocess
import sys

from localcloud.containers import isolation
from localcloud.containers.namespaces import READY

_HOLD = (
    "import sys; sys.path.append(sys.argv[1]); from localcloud.containers import namespaces;"
    " namespaces.hold_network(sys.argv[2])"
)
NOT_ISOLATED = (
    "EnableNetworkIsolation is set, but this machine cannot give the containers a network of their own, so they share"
    " the host's; they get no credentials."
)


class NetworkUnavailable(Exception):
    """The machine forbids network namespaces; the message is the system's."""


class PrivateNetwork:
    """A network namespace with nothing but loopback; containers join it by `files`. Use as a context.

    A small process holds it, so that it lasts however long each container runs; that process ends with this one.

    Args:
        namespaces: what `isolation.detect` found.

    Raises:
        NetworkUnavailable: no process was left behind.
    """

    def __init__(self, namespaces: str | None) -> None:
        if namespaces is None:
            raise NetworkUnavailable("this machine forbids namespaces")
        self._holder = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", "-c", _HOLD, isolation.import_root(), namespaces],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={},
        )
        said = self._holder.stdout.readline()
        if said != READY:
            self.close()
            raise NetworkUnavailable(said.decode(errors="replace").strip())
        # The user namespace that owns the network has to be entered first.
        kinds = ("user", "net") if namespaces == "user" else ("net",)
        self.files = tuple(f"/proc/{self._holder.pid}/ns/{kind}" for kind in kinds)

    def close(self) -> None:
        self._holder.stdin.close()
        self._holder.stdout.close()
        self._holder.wait()

    def __enter__(self) -> PrivateNetwork:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
