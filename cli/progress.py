"""Shows what is going on and for how long: a live table on a terminal, one line a change anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

REFRESH_PER_SECOND = 4


@dataclass
class Phase:
    """One thing that takes time. `seconds` is None while it lasts; `detail` is what it is doing, or what came of it."""

    name: str
    started: float
    seconds: float | None = None
    detail: str = ""
    failed: bool = False


@dataclass
class Board:
    """The phases of one command, in order. Use as a context manager; `clock` counts seconds (tests give their own)."""

    console: Console
    clock: Callable[[], float] = time.monotonic
    phases: list[Phase] = field(default_factory=list)
    _live: Live | None = None

    def __enter__(self) -> Board:
        if self.console.is_terminal:
            from rich.live import Live

            self._live = Live(console=self.console, get_renderable=self._table, refresh_per_second=REFRESH_PER_SECOND)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for phase in self.phases:
            if phase.seconds is None:
                self.end(phase, failed=error is not None)
        if self._live:
            self._live.stop()
            self._live = None

    @contextmanager
    def phase(self, name: str) -> Iterator[Phase]:
        """A phase that lasts as long as the block, and counts as failed when the block raises."""
        phase = self.begin(name)
        try:
            yield phase
        except BaseException:
            self.end(phase, failed=True)
            raise
        self.end(phase)

    def begin(self, name: str) -> Phase:
        """Start a phase; `end` ends it."""
        phase = Phase(name=name, started=self.clock())
        self.phases.append(phase)
        self._line(f"[ ] {name}")
        return phase

    def note(self, phase: Phase, detail: str, *, fleeting: bool = False) -> None:
        """Say what a phase is doing now; shown when it changed. What is `fleeting` makes no line of its own."""
        if detail == phase.detail:
            return
        phase.detail = detail
        if not fleeting:
            self._line(f"    {phase.name}: {detail}")

    def end(self, phase: Phase, *, seconds: float | None = None, failed: bool = False) -> None:
        """End a phase. `seconds` overrides our own count where the cloud's time stamps say how long it took."""
        phase.seconds = self.clock() - phase.started if seconds is None else seconds
        phase.failed = failed
        self._line(f"[{'!' if failed else 'x'}] {phase.name} ({phase.seconds:.1f} s)")

    def record(self, name: str, seconds: float, detail: str = "") -> None:
        """Add a phase that is over already."""
        self.phases.append(Phase(name=name, started=self.clock() - seconds, seconds=seconds, detail=detail))
        self._line(f"[x] {name} ({seconds:.1f} s)")

    def _line(self, text: str) -> None:
        if self._live is None:
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _table(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        for phase in self.phases:
            running = phase.seconds is None
            mark, style = ("…", "yellow") if running else ("✗", "red") if phase.failed else ("✓", "green")
            seconds = self.clock() - phase.started if phase.seconds is None else phase.seconds
            table.add_row(
                Text(mark, style=style),
                phase.name,
                Text(f"{seconds:6.1f} s"),
                Text(phase.detail, style="dim", overflow="ellipsis"),
            )
        return table
