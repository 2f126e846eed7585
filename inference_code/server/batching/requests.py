"""One request's input on its way through the model."""

from __future__ import annotations

from typing import Any, Protocol

from server.batching import micro_batches


class Promise(Protocol):
    """Of asyncio, or of concurrent.futures."""

    def done(self) -> bool: ...

    def set_result(self, value: Any) -> None: ...


class Request:
    """Attributes:
    rows, kind: what micro_batches says of the input; kind is None where it has to stay alone.
    outcome: bytes, an iterator of them, or the RequestError that it is answered with; None before.
    """

    __slots__ = ("accept", "arrived", "data", "kind", "outcome", "promise", "rows")

    def __init__(self, data: Any, accept: str, arrived: float, *, batched: bool) -> None:
        self.data, self.accept, self.arrived = data, accept, arrived
        self.rows, self.kind = micro_batches.rows_and_kind(data) if batched else (1, None)
        self.outcome: Any = None
        self.promise: Promise | None = None

    @property
    def answered(self) -> bool:
        return self.promise is not None and self.promise.done()

    def resolve(self, outcome: Any) -> None:
        """Says what it is answered with, unless somebody did."""
        if self.promise is not None and not self.answered:
            self.promise.set_result(outcome)
