"""The data log: what SageMaker itself says about the objects of a transform job, beside the container's log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Lines(Protocol):
    """A log stream."""

    def write(self, line: str) -> None: ...


class DataLog:
    """Writes ``<time>:[sagemaker logs]: <bucket>/<key>: <line>``, as the stream ``.../data-log`` has it."""

    def __init__(self, stream: Lines) -> None:
        self._stream = stream

    def write(self, text: str, *, about: str | None = None) -> None:
        """``about``: ``bucket/key`` of the object that the text is about; every line of the text names it."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
        for line in text.split("\n"):
            self._stream.write(f"{moment}:[sagemaker logs]: {f'{about}: ' if about else ''}{line}")
