"""The client speaks HTTP/1.1 to servers that are slow, terse, talkative or gone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from localcloud.sagemaker.endpoints.http_client import Answer, BadAnswer, HttpClient, NoConnection

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def _serving(serve: Serve):
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = HttpClient("127.0.0.1", server.sockets[0].getsockname()[1], max_body=1000)
    try:
        yield client
    finally:
        client.close()
        server.close()


def _ask(*answers: bytes, requests: int = 1, keep: bool = True) -> tuple[list[Answer], list[bytes]]:
    """Answers requests with `answers` in turn, on as few connections as the client uses."""
    seen: list[bytes] = []
    waiting = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while waiting:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            seen.append(head + await reader.readexactly(length))
            writer.write(waiting.pop(0))
            await writer.drain()
            if not keep:
                break
        writer.close()

    async def main() -> list[Answer]:
        async with _serving(serve) as client:
            return [
                await client.request("POST", "/invocations", {"accept": "text/csv"}, b"body") for _ in range(requests)
            ]

    return asyncio.run(main()), seen


def test_a_request_is_framed_by_its_length() -> None:
    answers, (request,) = _ask(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Name: v\r\n\r\nok")
    assert answers == [Answer(200, {"content-length": "2", "x-name": "v"}, b"ok")]
    assert request.startswith(b"POST /invocations HTTP/1.1\r\nHost: 127.0.0.1:")
    assert request.endswith(b"accept: text/csv\r\nContent-Length: 4\r\n\r\nbody")


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: 1\r\n\r\n",
            b"abcde",
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", b"x"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
)
def test_bodies_of_every_framing_are_read(wire: bytes, body: bytes) -> None:
    assert _ask(wire)[0][0].body == body


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    assert _ask(b"HTTP/1.0 200 OK\r\n\r\nall of it", keep=False)[0][0].body == b"all of it"


def test_a_connection_that_the_server_closed_while_idle_is_replaced() -> None:
    once = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    answers, seen = _ask(once, once, once, requests=3, keep=False)
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert len(seen) == 3


@pytest.mark.parametrize(
    "wire",
    [
        b"not http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"",
    ],
    ids=["no http", "cut", "too large", "bad chunk", "endless head", "nothing"],
)
def test_what_is_no_whole_answer_is_an_error(wire: bytes) -> None:
    with pytest.raises(BadAnswer):
        _ask(wire, keep=False)


def test_a_closed_port_is_told_apart_because_nothing_was_sent() -> None:
    async def main() -> None:
        async with _serving(lambda r, w: asyncio.sleep(0)) as client:
            pass
        await client.request("POST", "/", {}, b"")

    with pytest.raises(NoConnection):
        asyncio.run(main())


def test_connections_are_bounded_and_reused() -> None:
    opened = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        while await reader.readuntil(b"\r\n\r\n"):
            await asyncio.sleep(0.001)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def main() -> None:
        async with _serving(serve) as client:
            client._slots = asyncio.Semaphore(5)
            await asyncio.gather(*(client.request("POST", "/", {}, b"") for _ in range(100)))

    asyncio.run(main())
    assert opened == 5


def test_a_header_cannot_smuggle_a_line() -> None:
    async def main() -> None:
        await HttpClient("127.0.0.1", 1).request("POST", "/", {"accept": "a\r\nevil: 1"}, b"")

    with pytest.raises(ValueError, match="line break"):
        asyncio.run(main())


def test_a_body_of_unknown_length_is_sent_in_chunks_and_again_when_sent_again() -> None:
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"0\r\n\r\n"))
        if len(received) == 2:  # the connection that the first request left idle
            writer.close()
            return
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await serve(reader, writer)

    async def parts() -> AsyncIterator[bytes]:
        for part in (b"first", b"", b"second, longer than fifteen"):
            yield part

    async def main() -> list[int]:
        async with _serving(serve) as client:
            return [(await client.request("POST", "/invocations", {}, parts)).status for _ in range(2)]

    assert asyncio.run(main()) == [200, 200]
    assert len(received) == 3
    for request in received:
        head, _, body = request.partition(b"\r\n\r\n")
        assert b"Transfer-Encoding: chunked" in head
        assert b"Content-Length" not in head
        assert body == b"5\r\nfirst\r\n1b\r\nsecond, longer than fifteen\r\n0\r\n\r\n"
