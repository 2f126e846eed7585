"""What every drill is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from cli.drills.stage import Stage


@dataclass
class Result:
    """What came of a drill.

    Attributes:
        outcome: one or two words: `rolled back`, `refused`, `finished`, ...
        problems: where the stack did not do what it must; empty when it did.
        disturbed: seconds from and to which requests may have failed, because of the fault itself.
    """

    outcome: str
    problems: list[str] = field(default_factory=list)
    disturbed: tuple[float, float] | None = None


class Drill(Protocol):
    """One fault. `keeps_version`: what served before has to serve after it."""

    keeps_version: bool

    def refusal(self, stage: Stage) -> str | None:
        """Why this workload cannot be drilled so; None when it can."""

    def play(self, stage: Stage) -> Result:
        """Bring the fault about and wait until its consequences are over."""
