"""The gate: what waits for it goes on when it is opened, and when whoever held it is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.gate import Gate

HOLD = """
import sys
from cli.gate import Gate
with Gate() as gate:
    print(gate.command, flush=True)
    sys.stdin.read()
"""


def waiting(command: str) -> subprocess.Popen[str]:
    """A shell that says when it has begun to wait, and when it has passed."""
    line = f"echo waits && {command} && echo passed"
    process = subprocess.Popen(["sh", "-c", line], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "waits\n"
    return process


def test_what_waits_goes_on_when_the_gate_is_opened() -> None:
    with Gate() as gate:
        process = waiting(gate.command)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)
        gate.open()
        assert process.communicate(timeout=30)[0] == "passed\n"


def test_nobody_waits_for_a_gate_whose_holder_was_killed(tmp_path: Path) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path)}  # a killed holder leaves its file
    options = {"cwd": Path(__file__).resolve().parents[3], "env": environment, "text": True}
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options
    ) as holder:
        assert holder.stdout
        process = waiting(holder.stdout.readline().strip())
        holder.kill()
    assert process.communicate(timeout=30)[0] == "passed\n"
