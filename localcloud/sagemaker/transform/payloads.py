"""Records put together to the bodies of requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from localcloud.sagemaker.transform.records import Record


@dataclass(frozen=True)
class Payload:
    """The body of one request; ``first`` is the number of its first record in the object, from 1.

    A request that is sent in chunks while its object is read has no body here, and None as ``count``.
    """

    body: bytes
    first: int
    count: int | None

    def __str__(self) -> str:
        """Which records these are, for logs."""
        if self.count is None:
            return "the whole object"
        return f"record {self.first}" if self.count == 1 else f"records {self.first} to {self.first + self.count - 1}"


def single_records(records: Iterable[Record]) -> Iterator[Payload]:
    """One record a request, without what frames it."""
    for number, record in enumerate(records, 1):
        yield Payload(record.content, number, 1)


def mini_batches(records: Iterable[Record], limit: int | None) -> Iterator[Payload]:
    """As many records a request as fit into ``limit`` bytes, in order; a record alone may need them all."""
    batch: list[bytes] = []
    size, first = 0, 1
    for record in records:
        framed = record.framed
        if batch and limit is not None and size + len(framed) > limit:
            yield Payload(b"".join(batch), first, len(batch))
            batch, size, first = [], 0, first + len(batch)
        batch.append(framed)
        size += len(framed)
    if batch:
        yield Payload(b"".join(batch), first, len(batch))
