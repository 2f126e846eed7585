"""Writes `docs/faults.md`: what goes wrong, what has to follow, and the tests that show it.

    python scripts/fault_table.py

The rows are those of `tests/support/faults.toml`; a test that one names must be there.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "faults.md"
ROWS = ROOT / "tests" / "support" / "faults.toml"
TESTS = ROOT / "tests"
OPEN = "**open**"
INTRODUCTION = """\
# What goes wrong, and what follows

Written by `python scripts/fault_table.py` of `tests/support/faults.toml`; do not edit. `make test` runs every test
that is named here, and fails when one of them is not there any more. What no test shows yet is marked {open}:
{count} of {rows}.
"""


@dataclass(frozen=True)
class Fault:
    """A row. `tests`: `file::test`, the file below tests/."""

    under: str
    fault: str
    answer: str
    tests: tuple[str, ...]


def faults(path: Path = ROWS) -> list[Fault]:
    """The rows. Raises ValueError for one that names a test that is not there, or another one's fault."""
    rows = [_fault(entry) for entry in tomllib.loads(path.read_text("utf-8"))["fault"]]
    names = [row.fault for row in rows]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{path.name} has twice: {', '.join(sorted(doubled))}")
    return rows


def _fault(entry: dict[str, Any]) -> Fault:
    row = Fault(**{**entry, "tests": tuple(entry["tests"])})
    for test in row.tests:
        file, _, name = test.partition("::")
        if name not in _tests_of(TESTS / file):
            raise ValueError(f"{row.fault}: there is no test {test}")
    return row


@cache
def _tests_of(path: Path) -> frozenset[str]:
    if not path.is_file():
        return frozenset()
    functions = ast.walk(ast.parse(path.read_text("utf-8"), filename=str(path)))
    return frozenset(node.name for node in functions if isinstance(node, ast.FunctionDef))


def page(rows: list[Fault]) -> str:
    """The text of the page."""
    count = sum(not row.tests for row in rows)
    parts = [INTRODUCTION.format(open=OPEN, count=count, rows=len(rows))]
    for heading, under in groupby(rows, key=lambda row: row.under):
        lines = [f"| {row.fault} | {row.answer} | {_shown(row.tests)} |" for row in under]
        parts.append(
            "\n".join([f"## {heading}", "", "| fault | what follows | shown by |", "|---|---|---|", *lines, ""])
        )
    return "\n".join(parts)


def _shown(tests: tuple[str, ...]) -> str:
    if not tests:
        return OPEN
    return "; ".join(_link(*test.split("::")) for test in tests)


def _link(file: str, name: str) -> str:
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../tests/{file})"


def main() -> int:
    PAGE.write_text(page(faults()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
