"""Epoch seconds for deadlines: what passes is counted by a clock that nobody sets."""

from __future__ import annotations

from collections.abc import Callable


def steady(now: Callable[[], float], monotonic: Callable[[], float]) -> Callable[[], float]:
    """Gives what ``now`` gives at this moment, and from then on what ``monotonic`` adds to it: when the machine's clock
    is set, a deadline that a document carries comes neither early nor late.
    """
    begun, then = monotonic(), now()
    return lambda: then + monotonic() - begun
