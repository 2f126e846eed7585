"""Which objects a repeated run copies, in which order, and how past runs are shown."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from cli import past_runs
from cli.past_runs import PastRun

DESCRIPTOR = {
    "name": "clips",
    "data": {"bucket": "data", "prefix": "clips/", "channels": {"videos": ["*.mp4"], "classes": ["classes.txt"]}},
}
KEYS = ["request.json", "classes/classes.txt", "videos/circle/1.mp4", "videos/circle/2.mp4"]
RUN: dict[str, Any] = {
    "name": "d1-0123456789ab",
    "status": "SUCCEEDED",
    "outcome": "registered",
    "reasons": [],
    "dataset": "d1",
    "hyperparameters": {"epochs": "3"},
    "training_job": "job-1",
    "metrics": {"accuracy": 0.97},
    "model_version": "4",
    "started": "2026-05-01T12:00:00+00:00",
    "seconds": 61.2,
}


def shown(run: dict[str, Any]) -> str:
    text = io.StringIO()
    past_runs.show([run], Console(file=text))
    return text.getvalue()


def test_every_recorded_file_is_copied_and_the_one_that_completes_the_data_set_last() -> None:
    past = PastRun("d1-0123456789ab", DESCRIPTOR, {"dataset": "d1"})
    files = past_runs._assigned(past, [f"clips/d1/{key}" for key in KEYS]).in_upload_order(
        DESCRIPTOR["data"]["channels"]
    )
    assert [(channel, path.as_posix()) for channel, path in files] == [
        ("videos", "d1/videos/circle/1.mp4"),
        ("videos", "d1/videos/circle/2.mp4"),
        ("classes", "d1/classes/classes.txt"),
    ]


def test_a_run_is_shown_with_its_data_job_figures_and_hyperparameters() -> None:
    assert shown(RUN).splitlines() == [
        "d1-0123456789ab  registered as model version 4  (2026-05-01T12:00:00, 61 s)",
        "  data set d1, training job job-1",
        "  accuracy 0.97",
        "  epochs=3",
    ]


def test_a_run_without_a_verdict_shows_what_it_was_asked_for() -> None:
    failed = {"status": "FAILED", "outcome": None, "training_job": None, "metrics": None, "model_version": None}
    lines = shown({**RUN, **failed, "seconds": None}).splitlines()
    assert lines == ["d1-0123456789ab  failed  (2026-05-01T12:00:00)", "  data set d1", "  epochs=3"]
