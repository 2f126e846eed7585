"""What all benchmarks share: turns, ratios, goals, the page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks.environments import environment
from benchmarks.report import write_docs
from benchmarks.results import Goal, alternate, summarise

GOALS = {"ours / theirs": Goal(minimum=2), "theirs / ours": Goal(maximum=0.1)}


def ratios(run: dict[str, float]) -> dict[str, float]:
    return {"ours / theirs": run["ours"] / run["theirs"], "theirs / ours": run["theirs"] / run["ours"]}


@pytest.fixture
def result():
    runs = [{"ours": ours, "theirs": 1.0} for ours in (2.0, 4.0, 5.0)]
    return summarise(runs, ratios, GOALS)


def test_sides_take_turns_and_the_order_turns_round():
    asked: list[str] = []
    sides = {name: lambda name=name: asked.append(name) or len(asked) for name in ("a", "b", "c")}
    runs = alternate(3, sides)
    assert asked == ["a", "b", "c", "c", "b", "a", "a", "b", "c"]
    assert [list(run) for run in runs] == [["a", "b", "c"]] * 3
    assert runs[1] == {"a": 6, "b": 5, "c": 4}


def test_a_ratio_is_of_one_round_and_the_median_of_all(result):
    assert result["ratios"] == {"ours / theirs": 4.0, "theirs / ours": 0.25}
    assert result["spread"]["ours / theirs"] == [2.0, 5.0]
    assert result["goals"] == {"ours / theirs": ">= 2", "theirs / ours": "<= 0.1"}
    assert result["missed"] == ["theirs / ours"]


def test_a_goal_of_what_was_not_measured_is_an_error():
    with pytest.raises(ValueError, match="no run has the ratio 'x', which has a goal; there are ours / theirs"):
        summarise([{"ours": 1.0, "theirs": 1.0}], ratios, {"x": Goal(minimum=1)})


def test_the_page_has_every_ratio_its_goal_and_a_picture(result, tmp_path: Path):
    write_docs("speed", "How fast\n\n    python -m benchmarks.speed\n\nWhat is compared.\n", result, tmp_path)
    page = (tmp_path / "speed.md").read_text()
    assert page.startswith("# How fast\n")
    assert "What is compared." in page and "\n    python" not in page
    assert "| ours / theirs | 4 | 2 to 5 | >= 2 | yes |" in page
    assert "| theirs / ours | 0.25 | 0.2 to 0.5 | <= 0.1 | no |" in page
    assert json.loads((tmp_path / "speed.json").read_text()) == result
    longer, shorter = re.findall(r'<rect [^>]*width="([0-9.]+)" height="18"', (tmp_path / "speed.svg").read_text())
    assert float(longer) > float(shorter)


def test_a_rival_without_an_exact_version_is_refused():
    with pytest.raises(ValueError, match="'flask' is no exact pin"):
        environment("classic", ["flask"])
