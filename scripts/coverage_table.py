"""Writes `docs/coverage.md`: which operations of SageMaker this cloud and other emulators answer, and with what effect.

    python scripts/coverage_table.py

Ours comes from the operations that the embedded cloud registers and from the tests that carry
`@pytest.mark.real_effect("CreateTrainingJob", ...)`; the others' from `docs/emulators.toml`. The same sources give the
same page.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run as a file, only this folder is on the path

from localcloud.autoscaling import api as autoscaling  # noqa: E402
from localcloud.sagemaker import resources  # noqa: E402

PAGE = ROOT / "docs" / "coverage.md"
EMULATORS = ROOT / "docs" / "emulators.toml"
TESTS = ROOT / "tests"
MARKER = "real_effect"
REAL, STATE, UNKNOWN, NO = "real effect", "state only", "unknown", "no"
REGISTRIES = {"sagemaker": resources.OPERATIONS, "application-autoscaling": autoscaling.OPERATIONS}
"""API -> what the embedded cloud answers of it. The runtime API has no registry: what a test invokes is answered."""
RUNTIME = "sagemaker-runtime"
TITLES = {
    "sagemaker": "Amazon SageMaker",
    RUNTIME: "Amazon SageMaker Runtime",
    "application-autoscaling": "Application Auto Scaling, of endpoint variants",
}
INTRODUCTION = """\
# Which operations have which effect

Written by `python scripts/coverage_table.py`; do not edit. Rows: every operation that one of the five answers.

- **real effect**: what the operation is for happens. Processes start or stop, data is read and written, traffic moves,
  or the answer tells of what really runs; a record counts when such a process is started from it.
- **state only**: the answer comes from stored or preset records and nothing else happens. Of tags, groups and policies
  of groups there is no more to it on AWS either.
- **unknown**: it is answered, but neither source nor documentation shows with what effect.
- **no**: it is refused or not there.

A **real effect** of ours is one that the named test shows.
"""


@dataclass(frozen=True)
class Emulator:
    """What is known of another emulator, and from where. ``effects``: API -> operation -> effect."""

    name: str
    version: str
    date: str
    source: str
    note: str
    effects: Mapping[str, Mapping[str, str]]

    def effect(self, api: str, operation: str) -> str:
        return self.effects.get(api, {}).get(operation, NO)


def emulators() -> list[Emulator]:
    """The entries of the data file. Raises ValueError for an operation that its API does not have."""
    entries = tomllib.loads(EMULATORS.read_text("utf-8"))["emulator"]
    return [_emulator(entry) for entry in entries]


def _emulator(entry: dict[str, Any]) -> Emulator:
    effects: dict[str, dict[str, str]] = {}
    for api, lists in entry.get("operations", {}).items():
        effects[api] = {name: effect for effect, names in lists.items() for name in names}
        _require_known(api, effects[api], entry["name"])
    members = {member: entry[member] for member in ("name", "version", "date", "source", "note")}
    return Emulator(**members, effects=effects)


def _require_known(api: str, names: Iterable[str], where: str) -> None:
    if unknown := sorted(set(names) - known_operations(api)):
        raise ValueError(f"{where}: {api} has no operation {', '.join(unknown)}")


def known_operations(api: str) -> set[str]:
    """All operations of an API, by botocore's model."""
    return set(botocore.session.get_session().get_service_model(api).operation_names)


def proofs(folder: Path) -> dict[str, list[str]]:
    """Operation -> the tests, as ``file::test``, that carry the marker with its name."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(folder.rglob("test_*.py")):
        for operation, test in _marked(ast.parse(path.read_text("utf-8"), filename=str(path))):
            found[operation].append(f"{path.relative_to(ROOT).as_posix()}::{test}")
    return found


def _marked(module: ast.Module) -> Iterator[tuple[str, str]]:
    for function in ast.walk(module):
        if not isinstance(function, ast.FunctionDef):
            continue
        for decorator in function.decorator_list:
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == f"pytest.mark.{MARKER}":
                yield from ((ast.literal_eval(argument), function.name) for argument in decorator.args)


def ours(tests: Mapping[str, list[str]]) -> dict[str, dict[str, str]]:
    """API -> operation -> effect. Raises ValueError where a test marks what nothing answers."""
    effects = {
        api: {name: REAL if name in tests else STATE for name in registry} for api, registry in REGISTRIES.items()
    }
    effects[RUNTIME] = {name: REAL for name in tests if name in known_operations(RUNTIME)}
    answered = {name for operations in effects.values() for name in operations}
    if unanswered := sorted(set(tests) - answered):
        raise ValueError(f"Tests mark operations that the embedded cloud does not answer: {', '.join(unanswered)}")
    return effects


def page() -> str:
    """The text of the page."""
    tests, others = proofs(TESTS), emulators()
    effects = ours(tests)
    parts = [INTRODUCTION, _sources(others)]
    parts += [_table(api, title, effects[api], others, tests) for api, title in TITLES.items()]
    return "\n".join(parts)


def _sources(others: list[Emulator]) -> str:
    rows = [f"| {entry.name} | {entry.version} | {entry.date} | {entry.source} | {entry.note} |" for entry in others]
    return "\n".join(["| emulator | version | date | established from | note |", "|---|---|---|---|---|", *rows, ""])


def _table(
    api: str, title: str, effects: Mapping[str, str], others: list[Emulator], tests: Mapping[str, list[str]]
) -> str:
    names = set(effects).union(*(entry.effects.get(api, {}) for entry in others))
    header = ["operation", "Slipway", *(entry.name for entry in others), "shown by"]
    rows = [header, ["---"] * len(header)]
    for name in sorted(names):
        mine = effects.get(name, NO)
        cells = [entry.effect(api, name) for entry in others]
        rows.append([name, f"**{mine}**" if mine == REAL else mine, *cells, _shown(tests.get(name, []))])
    return "\n".join([f"## {title}", "", *(f"| {' | '.join(row)} |" for row in rows), ""])


def _shown(tests: list[str]) -> str:
    if not tests:
        return ""
    path, _, name = tests[0].partition("::")
    more = f" and {len(tests) - 1} more" if len(tests) > 1 else ""
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../{path}){more}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
