"""Where a model server is found: on a port of the host's loopback, or in a network of its own on SageMaker's port."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable

from localcloud.containers import isolation
from localcloud.containers.network import NetworkUnavailable, PrivateNetwork
from localcloud.sagemaker.endpoints.http_client import HttpClient

HOST = "127.0.0.1"
SAGEMAKER_PORT = 8080


class ServerAddress:
    """One server's, for as long as it may be started again.

    With `isolated` it gets a network of its own, in which any number of servers take port 8080, as images do that know
    no other. Where the machine forbids that, `shared_because` is the system's message and the address is a free port.
    """

    def __init__(self, *, isolated: bool) -> None:
        self.shared_because: str | None = None
        self._network = self._own_network() if isolated else None
        self.port = SAGEMAKER_PORT if self._network else _free_port()

    @property
    def is_private(self) -> bool:
        return self._network is not None

    @property
    def network(self) -> tuple[str, ...]:
        """What a container joins: see ContainerSpec."""
        return self._network.files if self._network else ()

    def client(self, **options: int) -> HttpClient:
        """An HttpClient with these options; it connects when it is used."""
        return HttpClient(HOST, self.port, new_socket=self._network and self._network.new_socket, **options)

    def connection(self, *, timeout: float) -> http.client.HTTPConnection:
        """A blocking one, not yet connected; `timeout` in seconds."""
        if self._network is None:
            return http.client.HTTPConnection(HOST, self.port, timeout=timeout)
        return _PrivateConnection(self._network.new_socket, self.port, timeout)

    def close(self) -> None:
        """Gives the network up. May be called again, and from any thread."""
        if self._network is not None:
            self._network.close()

    def _own_network(self) -> PrivateNetwork | None:
        try:
            return PrivateNetwork(isolation.detect())
        except NetworkUnavailable as error:
            self.shared_because = str(error)
            return None


class _PrivateConnection(http.client.HTTPConnection):
    def __init__(self, new_socket: Callable[[], socket.socket], port: int, timeout: float) -> None:
        super().__init__(HOST, port, timeout=timeout)
        self._new_socket = new_socket

    def connect(self) -> None:
        self.sock = self._new_socket()
        self.sock.settimeout(self.timeout)
        self.sock.connect((self.host, self.port))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]
