"""An ASGI request's body, never more of it in memory than is allowed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from server.errors import BodyTooLarge, InvalidInput

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


class ClientDisconnected(Exception):
    """There is nobody left to answer."""


async def read_body(receive: Receive, *, content_length: bytes | None, limit: int) -> bytes:
    """The whole body. Raises BodyTooLarge, before reading where the length is declared; ClientDisconnected."""
    if content_length is not None:
        if not content_length.isdigit():
            raise InvalidInput("the header Content-Length is not a number")
        if int(content_length) > limit:
            raise _too_large(limit)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body") and len(message.get("body", b"")) <= limit:
        return message.get("body", b"")  # most are small enough to arrive in one piece
    return await _rest(message, receive, limit)


async def _rest(message: Message, receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise _too_large(limit)
        if not message.get("more_body"):
            return b"".join(chunks)
        message = await receive()


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {limit} bytes; send fewer instances at once")
