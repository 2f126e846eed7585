"""Whether something is short enough to be done in the event loop.

A hop to a thread and back costs about 0.1 ms and lets two threads compete for the interpreter; without it the loop
answers nothing, /ping among that, until the work is done. So it is the measured duration that decides.
"""

from __future__ import annotations

_FADES_TO = 0.9  # of what it was, each time that it was shorter
CHEAP_SECONDS = 0.005


class Cost:
    """The longest of the last durations, which fades as shorter ones follow; unknown is expensive."""

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        self.seconds = float("inf")

    def add(self, seconds: float) -> None:
        faded = self.seconds * _FADES_TO
        self.seconds = faded if seconds < faded < float("inf") else seconds

    @property
    def cheap(self) -> bool:
        return self.seconds <= CHEAP_SECONDS
