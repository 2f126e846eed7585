"""A network of a job's or a model server's own: its containers reach each other by loopback, and nobody else."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading

from localcloud.containers import isolation
from localcloud.containers.forking import STARTER
from localcloud.containers.namespaces import ASK, READY

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
    """A network namespace with nothing but loopback; containers join it by `files`, this process asks their servers by
    `new_socket`. Use as a context.

    A small process holds it, so that it lasts however long each container runs; that process ends with this one.

    Args:
        namespaces: what `isolation.detect` found.

    Raises:
        NetworkUnavailable: no process was left behind.
    """

    def __init__(self, namespaces: str | None) -> None:
        if namespaces is None:
            raise NetworkUnavailable("this machine forbids namespaces")
        self._line, end = socket.socketpair()
        self._asking = threading.Lock()
        self._holder = STARTER.holder(namespaces, end) or subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", "-c", _HOLD, isolation.import_root(), namespaces],
            stdin=end,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={},
        )
        end.close()
        said = self._holder.stdout.readline()
        if said != READY:
            self.close()
            raise NetworkUnavailable(said.decode(errors="replace").strip())
        # The user namespace that owns the network has to be entered first.
        kinds = ("user", "net") if namespaces == "user" else ("net",)
        self.files = tuple(f"/proc/{self._holder.pid}/ns/{kind}" for kind in kinds)

    def new_socket(self) -> socket.socket:
        """A TCP socket in this network, blocking and not connected; from any thread. Raises OSError after `close`.

        The holder makes it and hands it over: a socket stays in the network that it was made in.
        """
        with self._asking:
            self._line.sendall(ASK)
            _, descriptors, _, _ = socket.recv_fds(self._line, len(ASK), 1)
        if not descriptors:
            raise OSError("the network's holder has ended")
        return socket.socket(fileno=descriptors[0])

    def close(self) -> None:
        """Ends the holder; containers that run keep the network. May be called again."""
        with contextlib.suppress(OSError):  # closed already, or the holder is gone
            self._line.shutdown(socket.SHUT_RDWR)
        with self._asking:
            self._line.close()
            if not self._holder.stdout.closed:
                self._holder.wait()
                self._holder.stdout.close()

    def __enter__(self) -> PrivateNetwork:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
