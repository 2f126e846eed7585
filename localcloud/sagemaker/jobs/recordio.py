"""RecordIO framing, as RecordWrapperType asks for it: each object becomes one record of the MXNet format.

https://mxnet.apache.org/api/architecture/note_data_loading: a magic number, the length in the lower 29 bits of the next
word, the data, zeros up to a multiple of 4 bytes; all little-endian.
"""

from __future__ import annotations

import struct

_MAGIC = 0xCED7230A
MAX_RECORD_BYTES = (1 << 29) - 1


def header(length: int) -> bytes:
    """What goes before the data. Raises ValueError where `length` does not fit the format."""
    if length > MAX_RECORD_BYTES:
        raise ValueError(f"a RecordIO record holds at most {MAX_RECORD_BYTES} bytes, not {length}")
    return struct.pack("<II", _MAGIC, length)


def padding(length: int) -> bytes:
    """What goes after the data."""
    return bytes(-length % 4)
