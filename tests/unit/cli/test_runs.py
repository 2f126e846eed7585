"""Names and steps of runs, metrics in logs, answers of the API."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from cli import jobs, runs, status
from cli.history import Step
from cli.predict import Answer, refusal
from tests.support.rollout_machine import DEFINITION

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_the_training_job_is_named_by_the_hash_of_the_run() -> None:
    run = "20260501-120000-ab12-0123456789ab"
    expected = "slipway-dev-mnist-lightning-" + hashlib.sha256(run.encode()).hexdigest()[:12]
    assert runs.job_name({"job_prefix": "slipway-dev-mnist-lightning"}, run) == expected


def test_a_tuning_job_is_named_by_the_hash_of_the_run() -> None:
    run = "20260501-120000-ab12-0123456789ab"
    described = {"tuning": {"job_prefix": "lightning-1a2b3c4d"}}
    expected = f"lightning-1a2b3c4d-{hashlib.sha256(run.encode()).hexdigest()[:12]}"
    assert runs.tuning_job_name(described, run) == expected
    assert runs.tuning_job_name({"tuning": None}, run) is None


@pytest.mark.parametrize(
    ("state", "shown", "suffix"),
    [
        ("Process spark-etl", "process spark-etl", "spark-etl"),
        ("Evaluate", "evaluate", "eval"),
        ("Tune", "tune", ""),
        ("Train", "train", ""),
    ],
)
def test_states_have_titles_and_their_processing_jobs_suffixes(state: str, shown: str, suffix: str) -> None:
    assert runs.title(runs.TRAIN, state) == shown
    assert jobs.processing_suffix(state) == suffix


def test_no_state_of_a_rollout_is_shown_by_the_name_that_only_its_machine_knows() -> None:
    states = [name for name in DEFINITION["States"] if not name.endswith("?")]
    shown = {title for title, _ in runs._grouped([Step(name, NOON) for name in states], runs.ROLLOUT)}
    assert not shown & set(states)


def test_a_step_of_a_rollout_shows_as_one() -> None:
    states = [
        "TakeStep",
        "NewConfig?",
        "CreateEndpointConfig",
        "Action?",
        "CreateEndpoint",
        "Wait",
        "Describe",
        "Check",
    ]
    groups = runs._grouped([Step(name, NOON) for name in [*states, "StepTaken", "Mark", "Retire"]], runs.ROLLOUT)
    assert [title for title, _ in groups] == ["roll out", "check endpoint", "retire old models"]


def test_a_polling_loop_shows_as_one_step() -> None:
    states = ["Plan", "UpdateEndpoint", "Wait", "Describe", "Wait", "Describe", "Check", "Odd"]
    groups = runs._grouped([Step(name, NOON) for name in states], runs.ROLLOUT)
    assert [title for title, _ in groups] == ["plan rollout", "roll out", "check endpoint", "Odd"]
    assert len(groups[1][1]) == 5


def test_the_newest_value_of_each_metric_is_shown() -> None:
    metrics = [
        {"name": "test:accuracy", "regex": "test_accuracy=([0-9.]+)"},
        {"name": "loss", "regex": "loss=([0-9.]+)"},
    ]
    lines = ["epoch 0 loss=0.9", "epoch 1 loss=0.5 test_accuracy=0.91", "epoch 2 test_accuracy=0.97"]
    assert jobs.newest_metrics(lines, metrics) == {"test:accuracy": "0.97", "loss": "0.5"}
    assert jobs.newest_metrics([], metrics) == {}


def test_a_models_name_tells_its_version() -> None:
    assert status.model_version("slipway-dev-mnist-lightning-v12-0a1b2c3d") == "12"
    assert status.model_version("somebody-elses-model") is None


def test_a_refusal_is_told_in_the_apis_own_words() -> None:
    body = b'{"error": {"code": "BadRequest", "message": "expected 28 rows", "field": "instances[0]"}}'
    assert refusal(Answer(400, body)).message == (
        "The API answered 400: BadRequest: expected 28 rows (field instances[0])"
    )
    assert refusal(Answer(403, b'{"message": "Forbidden"}')).message == 'The API answered 403: {"message": "Forbidden"}'
