"""Cuts a byte stream into log lines."""

from __future__ import annotations

# CloudWatch Logs refuses an event of more than 256 KiB, of which 26 bytes are its own overhead (PutLogEvents).
MAX_LINE_BYTES = 262_144 - 26


class LineFramer:
    """Feeds on chunks, gives whole lines: decoded as UTF-8, without their line end, over-long ones cut in pieces."""

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._rest = b""

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that `chunk` completes."""
        *complete, self._rest = (self._rest + chunk).split(b"\n")
        lines = [piece for line in complete for piece in self._pieces(line)]
        if len(self._rest) > self._max_bytes:
            *full, self._rest = self._cut(self._rest)
            lines += [_decode(piece) for piece in full]
        return lines

    def finish(self) -> list[str]:
        """What was left without a line end."""
        rest, self._rest = self._rest, b""
        return self._pieces(rest) if rest else []

    def _pieces(self, line: bytes) -> list[str]:
        return [_decode(piece) for piece in self._cut(line.removesuffix(b"\r"))]

    def _cut(self, line: bytes) -> list[bytes]:
        return [line[start : start + self._max_bytes] for start in range(0, len(line), self._max_bytes)] or [b""]


def _decode(piece: bytes) -> str:
    return piece.decode("utf-8", errors="replace")
