"""What happened during a drill, in seconds since it began."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True)
class Event:
    """`seconds` since the drill began; `what` for a person."""

    seconds: float
    what: str


@dataclass
class Timeline:
    """Collects events from several threads; `show` is given each as it comes."""

    show: Callable[[Event], None]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._began = self.clock()
        self._lock = threading.Lock()

    def now(self) -> float:
        """Seconds since the drill began."""
        return self.at(self.clock())

    def at(self, when: datetime) -> float:
        """The same of a moment that AWS tells."""
        return (when - self._began) / timedelta(seconds=1)

    def add(self, what: str, *, when: datetime | None = None) -> float:
        """Note an event, of now or of another moment; the seconds at which it happened."""
        event = Event(round(self.at(when) if when else self.now(), 2), what)
        with self._lock:
            self.events.append(event)
            self.show(event)
        return event.seconds

    def in_order(self) -> list[Event]:
        return sorted(self.events, key=lambda event: event.seconds)
