"""The two samples that are compared, out of what was captured."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from monitoring import records
from monitoring.records import Record

MOST_RECENT = 10_000
"""Recent requests that are held; of more, each is as likely as any other to be among them."""


@dataclass
class Samples:
    """`recent_seen`: how many recent ones there were, of which `recent` is a sample."""

    baseline: list[Record] = field(default_factory=list)
    recent: list[Record] = field(default_factory=list)
    recent_seen: int = 0
    unreadable: int = 0
    from_holdout: bool = False

    @property
    def source(self) -> str:
        if self.from_holdout:
            return "the holdout, as the evaluation asked the model"
        return "the first that this version was sent"

    def captured_since(self, since: str) -> list[Record]:
        """Of what was captured, also of the first requests, what belongs to the window."""
        first = [] if self.from_holdout else [record for record in self.baseline if record.time >= since]
        return [*first, *self.recent]


def take(inputs: Path, *, first: int, since: str) -> Samples:
    """The baseline is the holdout's where it was recorded, else the `first` captured requests; recent are the others
    `since` then.
    """
    recorded = [record for record in records.read(inputs / "baseline") if record]
    samples = Samples(baseline=recorded, from_holdout=bool(recorded))
    _fill(samples, records.read(inputs / "captures"), 0 if recorded else first, since)
    return samples


def _fill(samples: Samples, captured: Iterable[Record | None], first: int, since: str) -> None:
    """Reservoir sampling (Algorithm R), the same sample every time."""
    choose = random.Random(0)  # noqa: S311 - a sample, no secret
    for record in captured:
        if record is None:
            samples.unreadable += 1
        elif len(samples.baseline) < first and not samples.from_holdout:
            samples.baseline.append(record)
        elif record.time >= since:
            samples.recent_seen += 1
            if len(samples.recent) < MOST_RECENT:
                samples.recent.append(record)
            elif (place := choose.randrange(samples.recent_seen)) < MOST_RECENT:
                samples.recent[place] = record
