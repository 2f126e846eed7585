"""Connections to one socket, spread over those that accept from it; here two of them in one event loop."""

from __future__ import annotations

import asyncio
import socket

import pytest
from server.metrics.board import Board
from server.processes.accepting import Acceptor


class Side:
    """What one worker has."""

    def __init__(self, listener: socket.socket, board: Board, index: int) -> None:
        self.connections: set[asyncio.Transport] = set()
        row, others = board.rows[index], [one for one in board.rows if one is not board.rows[index]]
        row.beat = 1.0
        self.acceptor = Acceptor(listener.dup(), self._protocol, self.connections, row, others)

    def _protocol(self) -> asyncio.Protocol:
        side = self

        class Protocol(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                side.connections.add(transport)
                transport.write(b"hello")

        return Protocol()


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


def spread(listener: socket.socket, clients: int, *, answering: int = 2) -> list[int]:
    """Connections of each side, once every client has been greeted."""

    async def main() -> list[int]:
        board = Board(2)
        sides = [Side(listener, board, index) for index in range(2)]
        for side in sides[:answering]:
            side.acceptor.start()
        opened = [await asyncio.open_connection(*listener.getsockname()) for _ in range(clients)]
        async with asyncio.timeout(30):
            greetings = [await reader.readexactly(5) for reader, _ in opened]
        assert greetings == [b"hello"] * clients
        for side in sides:
            if side in sides[:answering]:
                side.acceptor.close()
            for transport in side.connections:
                transport.abort()
        for _, writer in opened:
            writer.close()
        return [len(side.connections) for side in sides]

    return asyncio.run(main())


def test_connections_that_stay_open_are_spread_evenly(listener):
    one, other = spread(listener, 40)
    assert one + other == 40
    assert abs(one - other) <= 4


def test_one_that_does_not_accept_keeps_no_connection_waiting(listener):
    assert spread(listener, 20, answering=1) == [20, 0]


def test_when_nobody_listens_any_more_it_ends_quietly(listener, caplog):
    async def main() -> None:
        side = Side(listener, Board(1), 0)
        side.acceptor.start()
        listener.shutdown(socket.SHUT_RDWR)
        await asyncio.sleep(0.05)

    asyncio.run(main())
    assert not caplog.records
