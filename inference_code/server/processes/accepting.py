"""Takes connections from the socket that all workers share, so that each has about as many as the others.

Left to itself, the worker that wakes first takes all that wait; clients keep connections open for long, so that one
worker would have most of the work. A worker that has more than another waits a moment before it takes the next one. A
socket of its own for each worker (SO_REUSEPORT) spreads by chance, and leaves connections with a worker that died.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Collection
from contextlib import suppress

from server.metrics.board import Row

log = logging.getLogger(__name__)
_SLACK = 2  # connections more than another worker has
_MOMENT_SECONDS = 0.001
_NO_DESCRIPTOR_SECONDS = 0.5


class Acceptor:
    """Used from the event loop.

    Args:
        protocol: makes the protocol of a new connection.
        connections: those that are open.
        others: the rows of the other workers.
    """

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        connections: Collection[object],
        row: Row,
        others: list[Row],
    ) -> None:
        self._listener, self._protocol, self._connections = listener, protocol, connections
        self._row, self._others = row, others
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[object]] = set()
        self._closed = asyncio.Event()

    def start(self) -> None:
        self._listener.setblocking(False)
        self._loop.add_reader(self._listener.fileno(), self._ready)

    def close(self) -> None:
        """Takes no more; the other workers may."""
        self._closed.set()
        self._loop.remove_reader(self._listener.fileno())

    async def finish(self, seconds: float) -> None:
        """Takes what comes until nobody listens any more, so long at most; then closes."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closed.wait(), seconds)
        self.close()
        if self._opening:
            await asyncio.wait(self._opening)

    def publish(self) -> None:
        """Says how many connections there are here."""
        self._row.connections = len(self._connections) + len(self._opening)

    def _ready(self) -> None:
        self.publish()
        fewest = min((row.connections for row in self._others if row.beat), default=None)
        if fewest is not None and self._row.connections >= fewest + _SLACK:
            self._pause(_MOMENT_SECONDS)
        else:
            self._accept()

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener.fileno())
        self._loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        if not self._closed.is_set():
            self._loop.add_reader(self._listener.fileno(), self._ready)
            self._accept()  # whoever had fewer has had the time to take it

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):  # another worker was faster; the client gave up
            return
        except OSError as error:
            if error.errno == errno.EINVAL:  # nobody listens any more: the server ends
                self.close()
                return
            log.error("cannot take a connection: %s", error)
            self._pause(_NO_DESCRIPTOR_SECONDS)  # there is no file descriptor left
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = self._loop.create_task(self._open(connection))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError as error:  # it was closed at once
            log.info("a connection was lost: %s", error)
            connection.close()
