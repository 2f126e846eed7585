"""Pipe mode: one named pipe an epoch, `<channel>_<epoch>`, fed by a thread for as long as the container runs.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import select
import stat
import threading
from collections.abc import Callable, Generator
from pathlib import Path

_JOIN_SECONDS = 10.0
# Between two looks whether a reader has come. There is no call that waits for one and can be called off as well.
_FIRST_PAUSE_MS, _LAST_PAUSE_MS = 1, 50


class PipeFeeder:
    """Feeds one channel of one container.

    The pipe of epoch n + 1 exists before the one of epoch n ends, so that a reader never finds it missing; a pipe that
    was read (to its end, or closed early) is removed, so that nobody waits on it. A reader that never comes costs a
    waiting thread, no data. A container that removes its pipes, or puts something else in their place, gets no data.

    Args:
        base: path of the channel's folder in File mode; the pipes' names are this with `_0`, `_1` ...
        epoch: the bytes of an epoch, numbered from 0, in chunks. Closed early when the reader leaves early.
        on_failure: called once, from the feeding thread, with what `epoch` raised; the reader sees no end of the data
            until `close`, so that it cannot take a part for the whole.
    """

    def __init__(
        self, base: Path, epoch: Callable[[int], Generator[bytes, None, None]], on_failure: Callable[[Exception], None]
    ) -> None:
        self._name, self._epoch, self._on_failure = base.name, epoch, on_failure
        base.parent.mkdir(parents=True, exist_ok=True)
        # The container may rename what lies above its pipes: they are found by this descriptor, never by their path.
        self._folder = os.open(base.parent, os.O_RDONLY | os.O_DIRECTORY)
        self._closing, self._close = os.pipe()
        self._make_pipe(0)
        self._thread = threading.Thread(target=self._run, name=f"pipe-{base.name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the feeding, whatever the reader does; returns when the thread has ended."""
        os.close(self._close)
        self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        try:
            # Removed or replaced by the container: nobody is left who could read.
            with contextlib.suppress(FileNotFoundError, FileExistsError):
                for number in itertools.count():
                    if not self._feed(number):
                        return
        finally:
            os.close(self._closing)
            os.close(self._folder)

    def _feed(self, number: int) -> bool:
        """One epoch; False when there will be no further one."""
        pipe = self._open_when_read(number)
        if pipe is None:
            return False
        try:
            more = self._send(pipe, number)
            if more:
                self._make_pipe(number + 1)
            os.unlink(self._pipe_name(number), dir_fd=self._folder)
        finally:
            os.close(pipe)
        return more

    def _open_when_read(self, number: int) -> int | None:
        """The writing end, once there is a reader; None when the feeder is closed or the pipe is a pipe no more."""
        pause = _FIRST_PAUSE_MS
        while not self._closes_within(pause):
            try:
                flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW
                pipe = os.open(self._pipe_name(number), flags, dir_fd=self._folder)
            except OSError as error:
                if error.errno != errno.ENXIO:  # nobody reads it yet
                    return None
                pause = min(2 * pause, _LAST_PAUSE_MS)
                continue
            if stat.S_ISFIFO(os.fstat(pipe).st_mode):
                return pipe
            os.close(pipe)
            return None
        return None

    def _send(self, pipe: int, number: int) -> bool:
        """Writes an epoch; False when it is the last, since the feeder was closed or the data cannot be read."""
        try:
            return self._write_all(pipe, self._epoch(number))
        except Exception as error:
            self._on_failure(error)
            self._closes_within(None)
            return False

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

    def _closes_within(self, milliseconds: int | None) -> bool:
        closing = select.poll()
        closing.register(self._closing, select.POLLIN)
        return bool(closing.poll(milliseconds))

    def _make_pipe(self, number: int) -> None:
        os.mkfifo(self._pipe_name(number), dir_fd=self._folder)

    def _pipe_name(self, number: int) -> str:
        return f"{self._name}_{number}"
