"""A private network is there when it is asked for: while one is in use, the next is made."""

from __future__ import annotations

import contextlib
import threading

from localcloud.containers.network import NetworkUnavailable, PrivateNetwork


class SpareNetworks:
    """Those of one embedded cloud; from any thread. Before `open` and after `close` each is made when asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spares: dict[str, PrivateNetwork] = {}
        self._open = False

    def open(self) -> None:
        """Keep one of each kind that was asked for."""
        with self._lock:
            self._open = True

    def take(self, namespaces: str | None) -> PrivateNetwork:
        """A network of the caller's own, whose files say what `PrivateNetwork` says. Raises NetworkUnavailable."""
        with self._lock:
            spare = self._spares.pop(namespaces or "", None)
        if spare is not None and not spare.is_held:
            spare.close()
            spare = None
        network = spare or PrivateNetwork(namespaces)
        if self._open and namespaces is not None:
            threading.Thread(target=self._prepare, args=(namespaces,), name="spare-network", daemon=True).start()
        return network

    def close(self) -> None:
        with self._lock:
            self._open = False
            spares, self._spares = list(self._spares.values()), {}
        for spare in spares:
            spare.close()

    def _prepare(self, namespaces: str) -> None:
        with contextlib.suppress(NetworkUnavailable):  # whoever asks next is told
            network = PrivateNetwork(namespaces)
            with self._lock:
                if self._open and namespaces not in self._spares:
                    self._spares[namespaces] = network
                    return
            network.close()


NETWORKS = SpareNetworks()
