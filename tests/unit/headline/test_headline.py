"""What counts as reached, what is written, and what is said of a failure. The rows run in `make headline`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from headline import report, row, run
from headline.row import Figure, Row, at_least, equal_to
from headline.slipway import CommandFailed, Slipway

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("requirement", "value", "met"),
    [
        (at_least(0.98), 0.98, True),
        (at_least(0.98), 0.9799, False),
        (equal_to(41.82, places=2), 41.8249, True),
        (equal_to(41.82, places=2), 41.8251, False),
        (equal_to(0.634, places=3), 0.6336, True),
    ],
)
def test_a_requirement_is_met_or_not(requirement, value, met):
    assert requirement.met(value) is met


class Recorded(Slipway):
    """A command line that answers what it is told; a real one takes minutes, and is used by `make headline`."""

    def __init__(self, outcome: Mapping[str, Any] | None) -> None:
        super().__init__(state=Path("unused"), port=1)
        self.outcome = outcome

    def run(self, *arguments: str) -> str:
        if self.outcome is None:
            raise CommandFailed("slipway up: no disk")
        return json.dumps(self.outcome) if arguments[0] == "train" else json.dumps({"model_version": "3"})


def _write(data: Path, folder: Path) -> None:
    (folder / "rows.csv").write_text("1,2\n")


ROW = Row(
    number=2,
    workload="mine",
    prepare=_write,
    measure=lambda deployed: {"right": float((deployed.dataset / "rows.csv").is_file())},
    figures=(
        Figure(metric="accuracy", original="0.9", required=at_least(0.5), measured="accuracy"),
        Figure(metric="rows there", original="-", required=at_least(1), measured="right"),
    ),
)


def _results(tmp_path: Path, outcome: Mapping[str, Any] | None) -> tuple[list[run.Result], str]:
    return run.run(ROW, Recorded(outcome), data=tmp_path, folder=tmp_path / "set")


def test_figures_come_from_the_evaluation_and_from_the_row_itself(tmp_path):
    results, failure = _results(tmp_path, {"model_version": "3", "metrics": {"accuracy": 0.4}})
    assert failure == ""
    assert [(result.ours, result.passed) for result in results] == [(0.4, False), (1.0, True)]
    first = report.documents(results)[0]
    assert first | {"seconds": 0} == {
        "row": "mine",
        "metric": "accuracy",
        "original": "0.9",
        "required": ">= 0.5",
        "ours": 0.4,
        "passed": False,
        "seconds": 0,
    }
    assert "FAIL" in report.table(results).splitlines()[1]
    assert "| 2 mine | rows there | - | >= 1 | 1 | pass |" in report.page(results)


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (None, "no disk"),
        ({"model_version": "2", "metrics": {"accuracy": 1}}, "model version 3 answered, trained was 2"),
        ({"model_version": "3", "metrics": {}}, "no figure accuracy"),
    ],
)
def test_a_row_that_fails_says_why_and_passes_nothing_it_did_not_measure(tmp_path, outcome, told):
    results, failure = _results(tmp_path, outcome)
    assert told in failure
    assert not results[0].passed
    assert json.loads(report.as_json(results))[0]["ours"] is None


def test_every_row_is_a_workload_of_the_project():
    for name, one in row.find().items():
        assert (ROOT / "training_code" / name / "workload.yaml").is_file()
        assert (ROOT / "inference_code" / name / "sample_request.json").is_file()
        assert one.figures


def test_data_that_is_not_there_is_named_before_anything_starts(tmp_path):
    command = [sys.executable, "-m", "headline", "mnist_lightning", "--data", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert f"mnist_lightning: {tmp_path / 'mnist'}" in done.stderr
    assert "DATA=FOLDER" in done.stderr
