"""The diagrams of the state machines show what is deployed, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from scripts import state_diagrams


def test_the_page_is_up_to_date() -> None:
    assert state_diagrams.PAGE.read_text("utf-8") == state_diagrams.page(), "run: python scripts/state_diagrams.py"


@pytest.mark.parametrize("definition", state_diagrams.machines().values(), ids=state_diagrams.machines())
def test_every_state_and_every_way_out_of_it_is_drawn(definition: dict[str, Any]) -> None:
    drawn = state_diagrams.diagram(definition).splitlines()
    ways = sum(len(list(state_diagrams.transitions(state))) for state in definition["States"].values())
    assert len(drawn) == 2 + len(definition["States"]) + ways
    for state in definition["States"].values():
        targets = {target for _, target in state_diagrams.transitions(state)}
        assert targets <= definition["States"].keys()
        assert targets or state["Type"] in ("Succeed", "Fail") or state.get("End")


def test_what_mermaid_would_read_as_its_own_is_escaped() -> None:
    definition = {"StartAt": "A?", "States": {"A?": {"Type": "Choice", "Choices": [
        {"Condition": '{% $a > "b" %}', "Next": "A?"}], "Default": "A?"}}}  # fmt: skip
    assert state_diagrams.diagram(definition).splitlines() == [
        "flowchart TD",
        "    start((start)) --> s0",
        '    s0{"A?"}',
        '    s0 -->|"$a #gt; #quot;b#quot;"| s0',
        '    s0 -->|"else"| s0',
    ]
