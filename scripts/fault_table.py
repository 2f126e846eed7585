"""Writes `docs/faults.md`: what goes wrong, what has to follow, the tests that show it, and how they ended.

    python scripts/fault_table.py [--results REPORT.xml]

The rows are those of `tests/support/faults.toml`; a test that one names must be there. How the tests ended is kept in
`docs/faults.json`, which `--results` brings up to date with a report of pytest's (`--junitxml`).
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "faults.md"
RESULTS = ROOT / "docs" / "faults.json"
ROWS = ROOT / "tests" / "support" / "faults.toml"
TESTS = ROOT / "tests"
OPEN, NOT_RUN = "**open**", "not recorded"
ENDS = ("failed", "skipped", "passed")
"""Of a test's cases; the first of these that there is counts for the test, and the first of its tests' for a row."""

Results = Mapping[str, Mapping[str, int]]
"""Test (`file::test`, the file below tests/) -> end -> number of cases."""

INTRODUCTION = """\
# What goes wrong, and what follows

Written by `python scripts/fault_table.py` of `tests/support/faults.toml`; do not edit. `make test` runs every test
that is named here, and fails when one of them is not there any more. What no test shows yet is marked {open}:
{count} of {rows}. The result is that of the last run whose report was recorded (`--results`), with the number of cases.
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


def recorded(path: Path = RESULTS) -> Results:
    """How the tests ended; nothing where no report was recorded yet."""
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def with_report(results: Results, report: Path, rows: list[Fault]) -> Results:
    """`results` with those of a JUnit XML report in place of the older ones, for the tests that rows name."""
    found: dict[str, Counter[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - our own tests wrote it
        file = case.get("classname", "").replace(".", "/").removeprefix("tests/") + ".py"
        test = f"{file}::{case.get('name', '').partition('[')[0]}"
        found.setdefault(test, Counter())[_end(case)] += 1
    named = {test for row in rows for test in row.tests}
    merged = {**results, **{test: dict(counts) for test, counts in found.items()}}
    return {test: merged[test] for test in sorted(named & merged.keys())}


def _end(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"


def page(rows: list[Fault], results: Results) -> str:
    """The text of the page."""
    count = sum(not row.tests for row in rows)
    parts = [INTRODUCTION.format(open=OPEN, count=count, rows=len(rows))]
    for heading, under in groupby(rows, key=lambda row: row.under):
        lines = [
            f"| {row.fault} | {row.answer} | {_shown(row.tests)} | {_result(row.tests, results)} |" for row in under
        ]
        heads = ["| fault | what follows | shown by | result |", "|---|---|---|---|"]
        parts.append("\n".join([f"## {heading}", "", *heads, *lines, ""]))
    return "\n".join(parts)


def _result(tests: tuple[str, ...], results: Results) -> str:
    """The worst end of the row's tests; a row with a test that was not recorded has no result."""
    if not tests or any(test not in results for test in tests):
        return NOT_RUN if tests else ""
    cases: Counter[str] = Counter()
    for test in tests:
        cases.update(results[test])
    return f"{next(end for end in ENDS if cases[end])} ({cases.total()})"


def _shown(tests: tuple[str, ...]) -> str:
    if not tests:
        return OPEN
    return "; ".join(_link(*test.split("::")) for test in tests)


def _link(file: str, name: str) -> str:
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../tests/{file})"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, metavar="REPORT.xml", help="pytest's --junitxml")
    given, rows = parser.parse_args(arguments), faults()
    results = recorded()
    if given.results:
        results = with_report(results, given.results, rows)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(rows, results), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
