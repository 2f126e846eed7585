"""application/vnd.amazon.eventstream: the messages in which AWS APIs stream.

A message is: total length, length of the headers, CRC-32 of these two, headers, payload, CRC-32 of all before; integers
are big-endian (Smithy, "Amazon Event Stream Specification"). The headers here are all strings (type 7).
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_STRING = 7


def event(kind: str, payload: bytes) -> bytes:
    """An event whose payload is a blob member (trait eventpayload)."""
    headers = {":event-type": kind, ":content-type": "application/octet-stream", ":message-type": "event"}
    return _message(headers, payload)


def exception(kind: str, members: Mapping[str, str]) -> bytes:
    """A modelled exception, the last message of a stream."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return _message(headers, json.dumps(members).encode())


def _message(headers: Mapping[str, str], payload: bytes) -> bytes:
    head = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack("!II", 4 * 4 + len(head) + len(payload), len(head))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + head + payload
    return message + struct.pack("!I", zlib.crc32(message))


def _header(name: str, value: str) -> bytes:
    text = value.encode()
    return struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", _STRING, len(text)) + text
