"""Whether something is short enough to be done in the event loop.

A hop to a thread and back costs about 0.1 ms and lets two threads compete for the interpreter; without it the loop
answers nothing, /ping among that, until the work is done. So it is the measured duration that decides.
"""

from __future__ import annotations

import math

CHEAP_SECONDS = 0.005
# Below this, requests one after the other are as fast as together: waiting for a turn of the loop costs as much.
TRIVIAL_SECONDS = 20e-6
_WEIGHT = 0.1  # of the newest duration in the mean: one that the machine interrupted changes little
_RISE = 1.02  # of the shortest, each time that it was not reached


class Cost:
    """What the last durations were like; unknown is expensive."""

    __slots__ = ("cheap", "seconds", "shortest")

    def __init__(self) -> None:
        self.seconds = self.shortest = math.inf
        self.cheap = False

    def add(self, seconds: float) -> None:
        mean = self.seconds
        self.seconds = mean = seconds if mean == math.inf else mean + _WEIGHT * (seconds - mean)
        self.cheap = mean <= CHEAP_SECONDS
        shortest = self.shortest * _RISE
        self.shortest = seconds if seconds < shortest else shortest

    @property
    def trivial(self) -> bool:
        return self.shortest < TRIVIAL_SECONDS
