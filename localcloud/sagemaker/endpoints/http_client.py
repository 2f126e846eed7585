"""A small HTTP/1.1 client for one server on loopback: keep-alive connections, bounded in number."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

# Bytes, or what gives the parts of a body whose length is not known: it is sent in chunks, and called again when the
# request has to be sent again.
Body = bytes | Callable[[], AsyncIterator[bytes]]

_MAX_HEAD_BYTES = 65_536
_PART_BYTES = 65_536
_BODYLESS = (204, 304)


_Head = tuple[int, str, dict[str, str]]


class NoConnection(ConnectionError):
    """The server does not accept connections: nothing was sent."""


class BadAnswer(ConnectionError):
    """The server closed the connection or answered what is not HTTP."""


@dataclass(frozen=True)
class Answer:
    """Header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class HttpClient:
    """Used from one event loop.

    Args:
        max_connections: further requests wait for one to become free.
        max_body: an answer with a longer body raises BadAnswer.
        new_socket: makes the TCP sockets to connect, where they are to be of another network; it may block.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        max_connections: int = 64,
        max_body: int = 6_291_456,
        new_socket: Callable[[], socket.socket] | None = None,
    ) -> None:
        self._host, self._port = host, port
        self._new_socket = new_socket
        self._max_body = max_body
        self._idle: deque[_Connection] = deque()
        self._slots = asyncio.Semaphore(max_connections)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def request(self, method: str, path: str, headers: Mapping[str, str], body: Body) -> Answer:
        """Sends one request. Raises NoConnection, BadAnswer."""
        answer = await self.open(method, path, headers, body)
        try:
            return Answer(answer.status, answer.headers, await answer.read())
        finally:
            answer.close()

    async def open(self, method: str, path: str, headers: Mapping[str, str], body: Body) -> OpenAnswer:
        """Sends one request and reads the head of the answer, which is to be closed. Raises NoConnection, BadAnswer."""
        length = len(body) if isinstance(body, bytes) else None
        head = _encode_head(method, path, f"{self._host}:{self._port}", headers, length)
        await self._slots.acquire()
        connection: _Connection | None = None
        try:
            connection, answer = await self._exchange_heads(head, body)
        finally:
            if connection is None:
                self._slots.release()
        return OpenAnswer(*answer, connection, self._max_body, lambda reusable: self._put_back(connection, reusable))

    async def _exchange_heads(self, head: bytes, body: Body) -> tuple[_Connection, _Head]:
        while self._idle:
            connection = self._idle.pop()
            try:
                return connection, await self._first_head(connection, head, body)
            except _ClosedWhileIdle:
                continue  # the server had closed it before it could read the request
        connection = await self._connect()
        try:
            return connection, await self._first_head(connection, head, body)
        except _ClosedWhileIdle as error:
            raise BadAnswer("the server closed the connection without an answer") from error

    async def _first_head(self, connection: _Connection, head: bytes, body: Body) -> _Head:
        try:
            return await connection.exchange_heads(head, body)
        except BaseException:
            connection.close()
            raise

    def _put_back(self, connection: _Connection, reusable: bool) -> None:
        if reusable:
            self._idle.append(connection)
        else:
            connection.close()
        self._slots.release()

    def close(self) -> None:
        """Closes the idle connections. Call from the loop that uses the client."""
        while self._idle:
            self._idle.pop().close()

    def close_soon(self) -> None:
        """The same from another thread; without effect when the loop has ended."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.close)

    async def _connect(self) -> _Connection:
        self._loop = asyncio.get_running_loop()
        try:
            if self._new_socket is None:
                streams = await asyncio.open_connection(self._host, self._port, limit=_MAX_HEAD_BYTES)
            else:
                streams = await self._open(await asyncio.to_thread(self._new_socket))
        except OSError as error:
            raise NoConnection(f"{self._host}:{self._port}: {error}") from error
        return _Connection(*streams)

    async def _open(self, unconnected: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            unconnected.setblocking(False)
            await asyncio.get_running_loop().sock_connect(unconnected, (self._host, self._port))
            return await asyncio.open_connection(sock=unconnected, limit=_MAX_HEAD_BYTES)
        except BaseException:
            unconnected.close()
            raise


class OpenAnswer:
    """An answer whose body is still to come: `read` it or take its `chunks`, then `close`."""

    def __init__(
        self,
        status: int,
        version: str,
        headers: dict[str, str],
        connection: _Connection,
        max_body: int,
        put_back: Callable[[bool], None],
    ) -> None:
        self.status, self.headers = status, headers
        self._keeps_alive = _keeps_alive(version, headers)
        self._connection, self._max_body, self._put_back = connection, max_body, put_back
        self._ended = self._closed = False

    async def read(self) -> bytes:
        """The whole body. Raises BadAnswer."""
        body = bytearray()
        async for chunk in self.chunks():
            body += chunk
            _check_size(len(body), self._max_body)
        return bytes(body)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, in parts as the server sends them. Raises BadAnswer."""
        if self.status not in _BODYLESS:
            length = int(self.headers.get("content-length", 0))
            _check_size(length, self._max_body)
            try:
                async for chunk in self._connection.body(self.headers):
                    yield chunk
            except (EOFError, asyncio.LimitOverrunError, ValueError, OSError) as error:
                raise BadAnswer(f"{type(error).__name__}: {error}") from error
        self._ended = True

    def close(self) -> None:
        """Gives the connection back; it is used again when the body was taken to its end."""
        if not self._closed:
            self._closed = True
            self._put_back(self._ended and self._keeps_alive)


class _ClosedWhileIdle(Exception):
    """Nothing of the answer came; sent over a new connection the request may succeed."""


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def close(self) -> None:
        self._writer.close()

    async def exchange_heads(self, head: bytes, body: Body) -> _Head:
        try:
            await self._send(head, body)
            answer = await self._read_head(first=True)
            while 100 <= answer[0] < 200:
                answer = await self._read_head(first=False)
        except (EOFError, asyncio.LimitOverrunError, ValueError, OSError) as error:
            raise BadAnswer(f"{type(error).__name__}: {error}") from error
        return answer

    async def _send(self, head: bytes, body: Body) -> None:
        try:
            self._writer.write(head)
            if isinstance(body, bytes):
                self._writer.write(body)
            else:
                await self._send_chunks(body())
            await self._writer.drain()
        except ConnectionError as error:
            raise _ClosedWhileIdle from error

    async def _send_chunks(self, parts: AsyncIterator[bytes]) -> None:
        async for part in parts:
            if part:  # an empty chunk would end the body
                self._writer.write(b"%x\r\n%b\r\n" % (len(part), part))
                await self._writer.drain()
        self._writer.write(b"0\r\n\r\n")

    async def _read_head(self, *, first: bool) -> _Head:
        try:
            text = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            if first and not getattr(error, "partial", b""):
                raise _ClosedWhileIdle from error
            raise
        status_line, *lines = text.split("\r\n")[:-2]
        version, status, *_ = status_line.split(" ", 2)
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return int(status), version, headers

    async def body(self, headers: Mapping[str, str]) -> AsyncIterator[bytes]:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
                async for part in self._parts(size):
                    yield part
                await self._reader.readexactly(2)
            while await self._reader.readuntil(b"\r\n") != b"\r\n":
                pass  # trailers
        elif "content-length" in headers:
            async for part in self._parts(int(headers["content-length"])):
                yield part
        else:
            while part := await self._reader.read(_PART_BYTES):
                yield part

    async def _parts(self, length: int) -> AsyncIterator[bytes]:
        while length:
            part = await self._reader.read(min(length, _PART_BYTES))
            if not part:
                raise EOFError(f"{length} bytes are missing")
            length -= len(part)
            yield part


def _check_size(length: int, max_body: int) -> None:
    if length > max_body:
        raise BadAnswer(f"the answer has more than {max_body} bytes")


def _keeps_alive(version: str, headers: Mapping[str, str]) -> bool:
    has_end = "content-length" in headers or headers.get("transfer-encoding", "").lower() == "chunked"
    return version == "HTTP/1.1" and has_end and headers.get("connection", "").lower() != "close"


def _encode_head(method: str, path: str, host: str, headers: Mapping[str, str], length: int | None) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers.items())]
    for line in lines:
        if "\r" in line or "\n" in line:
            raise ValueError(f"a header may not contain a line break: {line!r}")
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return "\r\n".join([*lines, size, "", ""]).encode("latin-1")
