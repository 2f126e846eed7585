"""Pipe mode: one named pipe an epoch, `<channel>_<epoch>`, fed by a thread for as long as the container runs.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import threading
from collections.abc import Callable, Generator
from pathlib import Path

_JOIN_SECONDS = 10.0


class PipeFeeder:
    """Feeds one channel of one container.

    The pipe of epoch n + 1 exists before the one of epoch n ends, so that a reader never finds it missing; a pipe that
    was read (to its end, or closed early) is removed, so that nobody waits on it. A reader that never comes costs a
    waiting thread, no data.

    Args:
        base: path of the channel's folder in File mode; the pipes' names are this with `_0`, `_1` ...
        epoch: the bytes of an epoch, numbered from 0, in chunks. Closed early when the reader leaves early.
        on_failure: called once, from the feeding thread, with what `epoch` raised; the reader sees no end of the data
            until `close`, so that it cannot take a part for the whole.
    """

    def __init__(
        self, base: Path, epoch: Callable[[int], Generator[bytes, None, None]], on_failure: Callable[[Exception], None]
    ) -> None:
        self._base, self._epoch, self._on_failure = base, epoch, on_failure
        self._lock = threading.Lock()
        self._waiting_on: Path | None = None
        self._closed = False
        self._closing, self._close = os.pipe()
        base.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(self._path(0))
        self._thread = threading.Thread(target=self._run, name=f"pipe-{base.name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the feeding, whatever the reader does; returns when the thread has ended."""
        with self._lock:
            self._closed = True
            waiting_on = self._waiting_on
            os.close(self._close)
        # A writer that still waits for its reader gets one.
        reader = _open_or_none(waiting_on, os.O_RDONLY | os.O_NONBLOCK)
        self._thread.join(_JOIN_SECONDS)
        if reader is not None:
            os.close(reader)

    def _run(self) -> None:
        try:
            for number in itertools.count():
                if not self._feed(number):
                    return
        finally:
            os.close(self._closing)

    def _feed(self, number: int) -> bool:
        """One epoch; False when there will be no further one."""
        path = self._path(number)
        with self._lock:
            if self._closed:
                return False
            self._waiting_on = path
        pipe = os.open(path, os.O_WRONLY)  # returns when a reader has opened it
        try:
            if self._closed:  # the reader was `close`
                return False
            os.set_blocking(pipe, False)
            more = self._write_all(pipe, self._epoch(number))
            os.mkfifo(self._path(number + 1))
            path.unlink()
            return more
        except Exception as error:
            self._on_failure(error)
            self._await_close()
            return False
        finally:
            os.close(pipe)

    def _write_all(self, pipe: int, chunks: Generator[bytes, None, None]) -> bool:
        """False when the feeder was closed before all was taken."""
        ready = select.poll()  # select() knows the first 1,024 descriptors only
        ready.register(self._closing, select.POLLIN)
        ready.register(pipe, select.POLLOUT)
        with contextlib.closing(chunks), contextlib.suppress(BrokenPipeError):  # the reader has had enough of it
            for chunk in chunks:
                rest = memoryview(chunk)
                while rest:
                    if self._closing in dict(ready.poll()):
                        return False
                    with contextlib.suppress(BlockingIOError):
                        rest = rest[os.write(pipe, rest) :]
        return True

    def _await_close(self) -> None:
        closing = select.poll()
        closing.register(self._closing, select.POLLIN)
        closing.poll()

    def _path(self, number: int) -> Path:
        return self._base.with_name(f"{self._base.name}_{number}")


def _open_or_none(path: Path | None, flags: int) -> int | None:
    try:
        return None if path is None else os.open(path, flags)
    except FileNotFoundError:
        return None
