"""An ASGI request's body, never more of it in memory than is allowed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from server.errors import BodyTooLarge, InvalidInput

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


class ClientDisconnected(Exception):
    """There is nobody left to answer."""


async def read_body(receive: Receive, *, content_length: str, limit: int) -> bytes:
    """The whole body. Raises BodyTooLarge, before reading where the length is declared; ClientDisconnected."""
    if content_length:
        if not content_length.isdecimal():
            raise InvalidInput("the header Content-Length is not a number")
        if int(content_length) > limit:
            raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {limit} bytes; send fewer instances at once")
