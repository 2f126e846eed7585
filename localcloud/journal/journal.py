"""Group commit: what changed is on the disk before those who wait for it go on.

All requests that wait at one moment share one record and one ``fsync``. Changes are looked for on the event loop,
between two handlers, so that a record never holds half of what a handler does without awaiting.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
from typing import IO, Protocol

from localcloud.journal.files import Folder, Loaded, record

log = logging.getLogger(__name__)

# What changes without a request (timers, executions, log lines) is looked for this often.
_TICK_SECONDS = 0.5
# A journal that has grown beyond this, and beyond its generation, makes room for a new generation.
_SMALLEST_FULL_JOURNAL = 4 * 2**20


class Recorder(Protocol):
    """Knows the state. Both are called on the event loop only."""

    def changes(self, parts: frozenset[str] | None) -> bytes | None:
        """A JSON array of what changed in these parts of the state (None: in all of it) since they were looked at last
        (see ``changes.py``), or None.
        """

    def snapshot(self) -> bytes:
        """The whole state as the calls of ``changes`` have seen it, as a JSON object."""


class Journal:
    """Keeps a folder in step with a recorder's state."""

    def __init__(self, folder: Folder, recorder: Recorder) -> None:
        self._folder = folder
        self._recorder = recorder
        self._file: IO[bytes] | None = None
        self._written = self._limit = 0
        self._unwritten: list[bytes] = []
        self._waiting: asyncio.Future[None] | None = None
        self._parts: frozenset[str] | None = frozenset()
        self._committing: asyncio.Task[None] | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._started_loop: concurrent.futures.Future[asyncio.AbstractEventLoop] = concurrent.futures.Future()
        self._failing = False

    def load(self) -> Loaded | None:
        """What to begin with. Raises Damaged."""
        return self._folder.load()

    async def start(self) -> None:
        """Begin with the state as it is; when the disk refuses it, the next commit tries again."""
        # Two generations: were the second one damaged, its journal would fit the first, but not what was loaded.
        for _ in range(2):
            self._close()
            await self._commit_logged()
        self._started_loop.set_result(asyncio.get_running_loop())
        self._ticking = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        """Keep the last changes. ``commit`` goes on to work."""
        if self._ticking:
            self._ticking.cancel()
        await self._commit_logged()

    async def commit(self, parts: frozenset[str] | None = None) -> None:
        """Return when every change that was made before the call in these parts of the state (None: in all of it) is on
        the disk. Raises OSError when it cannot be.
        """
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_future()
            self._parts = frozenset()
        self._parts = None if parts is None or self._parts is None else self._parts | parts
        mine = self._waiting
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all())
        await asyncio.shield(mine)

    def commit_from_thread(self, parts: frozenset[str] | None = None) -> None:
        """``commit`` for other threads than the event loop's; waits for ``start``."""
        loop = self._started_loop.result()
        asyncio.run_coroutine_threadsafe(self.commit(parts), loop).result()

    async def _commit_all(self) -> None:
        try:
            while self._waiting is not None:
                batch, self._waiting = self._waiting, None
                try:
                    await self._commit_once(self._parts)
                    batch.set_result(None)
                except Exception as error:
                    batch.set_exception(error)
                    batch.exception()  # those who waited may be gone
        finally:
            self._committing = None

    async def _commit_once(self, parts: frozenset[str] | None) -> None:
        content = self._recorder.changes(parts)
        if content is not None:
            self._unwritten.append(record(content))
        if self._file is None:
            await self._begin_generation()
        elif self._unwritten:
            await asyncio.to_thread(self._append, self._file)
            if self._written > self._limit:
                await self._compact()

    def _append(self, file: IO[bytes]) -> None:
        """All records or none: what a full disk took of them is cut off, and the next commit writes them again."""
        content = memoryview(b"".join(self._unwritten))
        done = 0
        try:
            while done < len(content):
                done += file.write(content[done:])
            os.fsync(file.fileno())
        except OSError:
            file.truncate(self._written)
            file.seek(self._written)
            raise
        self._written += len(content)
        self._unwritten.clear()

    async def _compact(self) -> None:
        try:
            await self._begin_generation()
        except OSError as error:
            self._limit *= 2
            log.error("no new generation could be written, the journal goes on: %s", error)

    async def _begin_generation(self) -> None:
        content = self._recorder.snapshot()
        file = await asyncio.to_thread(self._folder.write_generation, content)
        self._close()
        self._file, self._written = file, 0
        self._limit = max(_SMALLEST_FULL_JOURNAL, len(content))
        self._unwritten.clear()  # the generation has them

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            await self._commit_logged()

    async def _commit_logged(self) -> None:
        """The server goes on when this fails: whoever waits for a write is told."""
        try:
            await self.commit()
        except Exception as error:
            if not self._failing:
                log.error("the state cannot be saved, changes are refused until it can: %s", error, exc_info=True)
            self._failing = True
        else:
            self._failing = False
