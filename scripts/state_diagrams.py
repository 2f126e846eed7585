"""Writes `docs/state-machines.md`: the state machines as diagrams, drawn from the definitions that are deployed.

    python scripts/state_diagrams.py

The definitions are plain data (`infra/training`, `infra/rollout`, `infra/monitoring`); the same definitions give the
same page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run as a file, only this folder is on the path

from infra.monitoring.state_machine import MonitorStates  # noqa: E402
from infra.rollout.state_machine import RolloutStates  # noqa: E402
from infra.training.state_machine import TrainStates  # noqa: E402

PAGE = ROOT / "docs" / "state-machines.md"
INTRODUCTION = """\
# The state machines

Written by `python scripts/state_diagrams.py` from the definitions that are deployed; do not edit.
[The contract](contract.md) says what each state does. Boxes are tasks, rhombs choices, rounded boxes waits, slanted
boxes notes of what was found; a dotted arrow is taken when a task has failed for good.
"""
TRAIN = TrainStates(
    partition="aws",
    workload="a workload",
    plan_function_arn="plan",
    gate_function_arn="gate",
    check_seconds=1,
    processing_seconds={"step": 1},
    training_seconds=1,
    tuning_rounds=None,
    evaluation_seconds=1,
)
"""With all that a manifest may ask for, but for the search, which stands in the place of the training."""
ROLLOUT = RolloutStates(
    partition="aws",
    workload="a workload",
    plan_function_arn="plan",
    check_function_arn="check",
    compare_function_arn="compare",
    retire_function_arn="retire",
    alerts_topic_arn="alerts",
)
MONITOR = MonitorStates(
    partition="aws",
    workload="a workload",
    plan_function_arn="plan",
    publish_function_arn="publish",
    alerts_topic_arn="alerts",
    job_seconds=1,
)
SHAPES = {
    "Task": ("[", "]"),
    "Choice": ("{", "}"),
    "Wait": ("([", "])"),
    "Pass": ("[/", "/]"),
    "Succeed": ("([", "])"),
    "Fail": ("([", "])"),
}


def machines() -> dict[str, dict[str, Any]]:
    """Title -> definition, of every diagram on the page."""
    return {
        "Train, with a data check and a processing step": TRAIN.definition(),
        "Train, with a search over hyperparameters": replace(
            TRAIN, check_seconds=None, processing_seconds={}, tuning_rounds=1
        ).definition(),
        "Rollout": ROLLOUT.definition(),
        "Monitor": MONITOR.definition(),
    }


def diagram(definition: dict[str, Any]) -> str:
    """A definition as a Mermaid flowchart."""
    numbers = {name: f"s{number}" for number, name in enumerate(definition["States"])}
    lines = ["flowchart TD", f"    start((start)) --> {numbers[definition['StartAt']]}"]
    for name, state in definition["States"].items():
        before, after = SHAPES[state["Type"]]
        lines.append(f"    {numbers[name]}{before}{_quoted(name)}{after}")
        lines += [f"    {numbers[name]} {arrow} {numbers[target]}" for arrow, target in transitions(state)]
    return "\n".join(lines)


def transitions(state: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(arrow, next state) of every way out of a state."""
    if "Next" in state:
        yield "-->", state["Next"]
    for rule in state.get("Choices", []):
        yield f"-->|{_quoted(_expression(rule['Condition']))}|", rule["Next"]
    if "Default" in state:
        yield '-->|"else"|', state["Default"]
    for catcher in state.get("Catch", []):
        yield "-.->", catcher["Next"]


def page() -> str:
    """The text of the page."""
    parts = [f"## {title}\n\n```mermaid\n{diagram(definition)}\n```\n" for title, definition in machines().items()]
    return "\n".join([INTRODUCTION, *parts])


def _expression(condition: str) -> str:
    return condition.removeprefix("{%").removesuffix("%}").strip()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;") + '"'


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
