"""Durations are not measured by a clock that can be set.

Where two machines have to agree on a moment there is only the time of day: each such place is named here, with why.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("cli", "headline", "inference_code", "infra", "lambdas", "localcloud", "training_code")
TIMES_OF_DAY = {"time.time", "datetime.now", "datetime.datetime.now", "datetime.utcnow"}
ALLOWED = {
    "cli/runs.py": "a cooldown counts from the end of a run, which AWS tells as a time of day",
    "lambdas/request_training/lease.py": "functions share the lease; the holder's execution is asked, not a clock",
    "lambdas/request_training/logic.py": "since when a request is collected is shared by functions",
    "lambdas/request_training/records.py": "when an item expires, by DynamoDB's time",
    "localcloud/gateway/alarms.py": "the timestamps of metrics",
    "localcloud/gateway/executions.py": "14 days, in which the cloud may be restarted",
    "localcloud/gateway/identity.py": "until when a session is valid: its clients compare it with their clock",
}


def differences(path: Path) -> list[int]:
    """The lines that add to or subtract from, or compare, a time of day."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        operands = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            operands = [node.left, node.right]
        elif isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
        calls = [part for operand in operands for part in ast.walk(operand) if isinstance(part, ast.Call)]
        found += [call.lineno for call in calls if ast.unparse(call.func) in TIMES_OF_DAY]
    return found


@pytest.mark.parametrize("part", PARTS)
def test_no_duration_is_measured_by_the_time_of_day(part: str) -> None:
    files = [path for path in (ROOT / part).rglob("*.py") if "__pycache__" not in path.parts]
    assert files
    measured = {path.relative_to(ROOT).as_posix(): differences(path) for path in files}
    assert {name: lines for name, lines in measured.items() if lines and name not in ALLOWED} == {}
    expected = {name for name in ALLOWED if name.startswith(f"{part}/")}
    assert expected <= {name for name, lines in measured.items() if lines}, "no longer needed"


def test_a_difference_of_times_of_day_is_found(tmp_path: Path) -> None:
    path = tmp_path / "waits.py"
    path.write_text("import time\nend = time.time() + 5\nwhile time.time() < end:\n    pass\nnow = time.time()\n")
    assert differences(path) == [2, 3]
