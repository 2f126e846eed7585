"""The objects of one instance: read, cut into payloads, answered by the model, written in the order they were read.

What is held in memory is bounded: twice as many payloads as there may be requests at a time, whatever the objects'
sizes and their number.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from localcloud.sagemaker.endpoints.http_client import Body
from localcloud.sagemaker.jobs.channels import RemoteObject
from localcloud.sagemaker.jobs.failures import JobFailure
from localcloud.sagemaker.transform.association import Association
from localcloud.sagemaker.transform.data_log import DataLog
from localcloud.sagemaker.transform.formats import FormatError
from localcloud.sagemaker.transform.jsonpath import PathMismatch
from localcloud.sagemaker.transform.model_client import CLIENT_ERROR, ModelClient, NoResponse, RequestFailed
from localcloud.sagemaker.transform.payloads import Payload, mini_batches, single_records
from localcloud.sagemaker.transform.records import SPLITTERS, RecordError, Source
from localcloud.sagemaker.transform.settings import Settings

OpenSource = Callable[[RemoteObject], contextlib.AbstractContextManager[Source]]

_CHUNK = 1 << 20
# Payloads are taken from the reading thread in portions, because going to another thread costs as much as a request.
_PORTION_BYTES = 256 << 10


@dataclass(frozen=True)
class Item:
    """An object to transform, and the file that its output goes to."""

    remote: RemoteObject
    output: Path

    def __str__(self) -> str:
        return f"{self.remote.bucket}/{self.remote.key}"


class _PayloadFailed(Exception):
    def __init__(self, payload: Payload, cause: RequestFailed | FormatError | PathMismatch) -> None:
        super().__init__(str(cause))
        self.payload, self.cause = payload, cause


@dataclass
class Pipeline:
    """One instance's work. Used from one event loop.

    Args:
        open_source: opens an object; called, and the source read, in other threads.
    """

    model: ModelClient
    settings: Settings
    association: Association
    open_source: OpenSource
    log: DataLog
    split_type: str = "None"
    assemble_with: str = "None"

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(2 * self.settings.max_concurrent)

    async def run(self, items: Sequence[Item]) -> dict[Item, str]:
        """Transforms every object, and goes on after one that fails: returns the failed ones with their reasons.

        Raises JobFailure when the model does not answer at all, or an object cannot be had from S3.
        """
        waiting, failed = iter(items), {}
        fatal: JobFailure | None = None

        async def work() -> None:
            for item in waiting:
                reason = await self._object(item)
                if reason is not None:
                    failed[item] = reason

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self.settings.max_concurrent, len(items))):
                    group.create_task(work())
        except* JobFailure as raised:
            fatal = next(_leaves(raised))
        if fatal is not None:
            raise fatal
        return failed

    async def _object(self, item: Item) -> str | None:
        """None, or why the object could not be transformed."""
        problem: Exception | None = None
        try:
            with item.output.open("wb") as output:
                await self._transform(item, output)
        except* (_PayloadFailed, RecordError, JobFailure) as raised:
            problem = _first(raised)
        if problem is None:
            return None
        item.output.unlink()
        return self._report(item, problem)

    def _report(self, item: Item, problem: Exception) -> str:
        cause = problem.cause if isinstance(problem, _PayloadFailed) else problem
        if isinstance(problem, _PayloadFailed):
            self.log.write(f"Failed at {problem.payload}", about=str(item))
        self.log.write(cause.log if isinstance(cause, RequestFailed) else str(cause), about=str(item))
        if isinstance(cause, JobFailure):
            raise cause
        if isinstance(cause, NoResponse):
            raise JobFailure(cause.reason)
        return cause.reason if isinstance(cause, RequestFailed) else CLIENT_ERROR

    async def _transform(self, item: Item, output: IO[bytes]) -> None:
        if self._is_streamed:
            payload = Payload(b"", 1, None)
            await self._answer(payload, lambda: self._chunks(item), None, output)
            return
        previous: asyncio.Task[None] | None = None
        async with asyncio.TaskGroup() as group, contextlib.aclosing(self._payloads(item)) as payloads:
            async for payload in payloads:
                await self._slots.acquire()
                previous = group.create_task(self._answer(payload, None, previous, output))
                previous.add_done_callback(lambda _: self._slots.release())

    @property
    def _is_streamed(self) -> bool:
        """The object is sent while it is read: one request of any size, of which nothing has to be understood."""
        cut = self.split_type != "None" and self.settings.strategy == "SINGLE_RECORD"
        return self.settings.max_payload_bytes is None and not cut and not self.association.reads_source

    async def _answer(
        self, payload: Payload, body: Body | None, previous: asyncio.Task[None] | None, output: IO[bytes]
    ) -> None:
        """Sends one payload, and writes what comes of it when everything before it has been written."""
        try:
            sent = self.association.request(payload) if body is None else body
            written = self.association.output(payload, await self.model.invoke(sent))
        except (RequestFailed, FormatError, PathMismatch) as error:
            raise _PayloadFailed(payload, error) from error
        if previous is not None:
            await asyncio.wait([previous])
            if previous.cancelled() or previous.exception() is not None:
                return
        output.write(written)
        if self.assemble_with == "Line" and not written.endswith(b"\n"):
            output.write(b"\n")

    async def _payloads(self, item: Item) -> AsyncIterator[Payload]:
        stack = contextlib.ExitStack()
        try:
            source = await asyncio.to_thread(lambda: stack.enter_context(self.open_source(item.remote)))
            payloads = self._cut(source)
            while portion := await asyncio.to_thread(_portion, payloads):
                for payload in portion:
                    yield payload
        finally:
            stack.close()

    def _cut(self, source: Source) -> Iterator[Payload]:
        limit = self.settings.max_payload_bytes
        records = SPLITTERS[self.split_type](source, limit)
        if self.split_type == "None" or self.settings.strategy == "SINGLE_RECORD":
            return single_records(records)
        return mini_batches(records, limit)

    async def _chunks(self, item: Item) -> AsyncIterator[bytes]:
        stack = contextlib.ExitStack()
        try:
            source = await asyncio.to_thread(lambda: stack.enter_context(self.open_source(item.remote)))
            while chunk := await asyncio.to_thread(source.read, _CHUNK):
                yield chunk
        finally:
            stack.close()


def _portion(payloads: Iterator[Payload]) -> list[Payload]:
    """Some payloads; none at the end."""
    portion, size = [], 0
    for payload in payloads:
        portion.append(payload)
        size += len(payload.body)
        if size >= _PORTION_BYTES:
            break
    return portion


def _first(group: BaseExceptionGroup) -> Exception:
    """What ends the job before what fails the object only, and of that the earliest record."""

    def rank(error: Exception) -> tuple[int, int]:
        if not isinstance(error, _PayloadFailed):
            return (0 if isinstance(error, JobFailure) else 2), 0
        return (0 if isinstance(error.cause, NoResponse) else 1), error.payload.first

    return min(_leaves(group), key=rank)


def _leaves(group: BaseExceptionGroup) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
