"""Answers, as ASGI messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache

import orjson

from server.errors import RequestError
from server.http.body import Message

Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]
Headers = list[Header]
JSON_HEADER: Header = (b"content-type", b"application/json")


@lru_cache(128)
def content_type(media_type: str) -> Header:
    return (b"content-type", media_type.encode())


async def send_answer(send: Send, status: int, body: bytes, headers: Headers) -> None:
    """`headers` without the body's length."""
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def send_error(send: Send, error: RequestError, headers: Headers) -> None:
    document = {"message": error.message} | ({"field": error.field} if error.field else {})
    if error.retry_after_seconds is not None:
        headers = [(b"retry-after", b"%d" % error.retry_after_seconds), *headers]
    await send_answer(send, error.status, orjson.dumps({"error": document}), [JSON_HEADER, *headers])
