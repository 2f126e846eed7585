"""What is shown while things take their time."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from cli.progress import Board


def board(output: io.StringIO, *, terminal: bool = False) -> Board:
    ticks: Iterator[float] = iter(range(1000))
    console = Console(file=output, force_terminal=terminal, width=100, legacy_windows=False)
    return Board(console, clock=lambda: float(next(ticks)))


def test_without_a_terminal_every_change_is_a_line() -> None:
    output = io.StringIO()
    with board(output) as shown, shown.phase("train") as phase:
        shown.note(phase, "Training")
        shown.note(phase, "Training")
        shown.note(phase, "Training · test:accuracy 0.97")
    assert output.getvalue().splitlines() == [
        "[ ] train",
        "    train: Training",
        "    train: Training · test:accuracy 0.97",
        "[x] train (1.0 s)",
    ]


def test_what_is_fleeting_makes_no_line() -> None:
    output = io.StringIO()
    with board(output) as shown, shown.phase("deploy") as phase:
        shown.note(phase, "3/27 AWS::KMS::Key", fleeting=True)
    assert output.getvalue().splitlines() == ["[ ] deploy", "[x] deploy (1.0 s)"]
    assert phase.detail == "3/27 AWS::KMS::Key"


def test_a_failed_phase_is_marked_and_the_error_goes_on() -> None:
    output = io.StringIO()
    with pytest.raises(ValueError, match="no"), board(output) as shown, shown.phase("deploy"):
        raise ValueError("no")
    assert output.getvalue().splitlines()[-1] == "[!] deploy (1.0 s)"


def test_a_phase_left_open_ends_with_the_board() -> None:
    output = io.StringIO()
    with board(output) as shown:
        shown.begin("roll out")
    assert [(phase.seconds, phase.failed) for phase in shown.phases] == [(1.0, False)]


def test_the_clouds_own_seconds_are_taken_where_given() -> None:
    shown = board(io.StringIO())
    shown.end(shown.begin("train"), seconds=12.5)
    shown.record("set up", 3.0)
    assert [phase.seconds for phase in shown.phases] == [12.5, 3.0]


def test_a_terminal_gets_the_table() -> None:
    output = io.StringIO()
    with board(output, terminal=True) as shown, shown.phase("train"):
        pass
    assert "✓" in output.getvalue()
    assert "train" in output.getvalue()
