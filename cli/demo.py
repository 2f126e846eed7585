"""`demo`: the whole loop on this machine, from an empty folder to digits that the deployed API recognised."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from cli import data, deployment, descriptors, pictures, programs, runs, sample_data, training
from cli.errors import CliError, RunFailed
from cli.options import Cloud
from cli.predict import Api, refusal
from cli.progress import Board
from cli.target import Target

if TYPE_CHECKING:
    from cli.group import Session

SAMPLE = programs.ROOT / "build" / "sample-digits"
REPORT = programs.ROOT / "build" / "demo.json"
REQUEST = programs.ROOT / "build" / "demo-request.json"
PICTURES_A_ROW = 5
MANAGED = "763104351884.dkr.ecr.us-east-1.amazonaws.com/{framework}:{version}"
"""A managed image of AWS's: which account and region it is from does not matter to what stands for it here."""


@dataclass(frozen=True)
class Digit:
    """A held-out digit and what the deployed model said of it."""

    image: pictures.Image
    label: int
    predicted: int
    probability: float


def run(session: Session, workload: str, *, setup_seconds: float) -> None:
    """Deploy, train, roll out, ask, and show it; raises CliError unless this run's model is the one that answered."""
    if session.cloud is Cloud.AWS:
        raise CliError("The demo runs on the embedded cloud only.", hint="On AWS: slipway --target aws up, then train.")
    with Board(session.out) as board:
        if setup_seconds:
            board.record("set up", setup_seconds)
        target, descriptor, assignment = _prepare(session, workload, board)
        before = runs.names(target, descriptor)
        dataset = training.submit(target, descriptor, assignment, {}, board)
        outcome = runs.follow(target, descriptor, dataset=dataset, before=before, board=board)
        with board.phase("ask the API"):
            digits, answer = _ask(target, descriptor, assignment)
    _require_same_model(outcome, answer)
    api_url = target.api_url(descriptors.api(target))
    report = _report(board, outcome, digits, answer, api_url, accuracy=outcome.metrics[descriptor["gate"]["metric"]])
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    _show(session, report, digits, workload)


def _prepare(session: Session, workload: str, board: Board) -> tuple[Target, dict[str, Any], data.Assignment]:
    """Everything before the upload. The environments and the digits are made while the stack is deployed."""
    with ExitStack() as started:
        environments = started.enter_context(_environments(session, workload))
        sample = started.enter_context(sample_data.background(workload, SAMPLE))
        target = deployment.deploy_locally(session, board, workloads=[workload])
        descriptor = descriptors.workload(target, workload)
        with board.phase("make sample digits"):
            sample.finish()
            assignment = data.assign(SAMPLE, descriptor["data"]["channels"])
        with board.phase("build container environments"):
            environments.finish()
    return target, descriptor, assignment


def _environments(session: Session, workload: str) -> programs.Background:
    """The first training needs torch: building its environment takes longer than deploying, so it begins first."""
    manifest = yaml.safe_load((programs.ROOT / "training_code" / workload / "workload.yaml").read_text("utf-8"))
    image = manifest["training"]["image"]
    return programs.Background(
        [sys.executable, "-m", "localcloud.images", "prepare", MANAGED.format(**image)],
        name="environments",
        environment=programs.uv_environment() | {"LOCALCLOUD_STATE": str(session.embedded.state)},
    )


def _ask(
    target: Target, descriptor: Mapping[str, Any], assignment: data.Assignment
) -> tuple[list[Digit], dict[str, Any]]:
    """Send one held-out digit of each label through the API."""
    images, labels = _holdout(assignment.channels[descriptor["evaluation"]["channel"]])
    chosen = [labels.index(label) for label in sorted(set(labels))]
    body = json.dumps({"instances": [images[index] for index in chosen]}).encode()
    REQUEST.write_bytes(body)
    answer = Api.of(target).predict(descriptor["name"], body)
    if answer.status != 200:
        raise refusal(answer)
    document = answer.json()
    digits = [
        Digit(images[index], labels[index], prediction["label"], prediction["probabilities"][prediction["label"]])
        for index, prediction in zip(chosen, document["predictions"], strict=True)
    ]
    return digits, document


def _holdout(files: Sequence[Path]) -> tuple[list[pictures.Image], list[int]]:
    by_kind = {kind: path for path in files for kind in ("images", "labels") if kind in path.name}
    return pictures.read_images(by_kind["images"]), pictures.read_labels(by_kind["labels"])


def _require_same_model(outcome: runs.Outcome, answer: Mapping[str, Any]) -> None:
    if not outcome.in_service:
        raise RunFailed(f"Model version {outcome.model_version} waits for approval, so it does not answer yet.")
    if str(answer["model_version"]) != outcome.model_version:
        raise RunFailed(
            f"Model version {answer['model_version']} answered, but this run trained version {outcome.model_version}.",
            hint="See: slipway status",
        )


def _report(
    board: Board,
    outcome: runs.Outcome,
    digits: Sequence[Digit],
    answer: Mapping[str, Any],
    api_url: str,
    *,
    accuracy: float,
) -> dict[str, Any]:
    """The content of `build/demo.json`."""
    return {
        "phases": [{"name": phase.name, "seconds": round(phase.seconds or 0.0, 2)} for phase in board.phases],
        "test_accuracy": accuracy,
        "predictions": [{"label": digit.label, "predicted": digit.predicted} for digit in digits],
        "api_url": api_url,
        "endpoint": outcome.endpoint,
        "variant": answer["variant"],
        "model_version": str(answer["model_version"]),
    }


def _show(session: Session, report: Mapping[str, Any], digits: Sequence[Digit], workload: str) -> None:
    out = session.out
    out.print()
    for start in range(0, len(digits), PICTURES_A_ROW):
        row = digits[start : start + PICTURES_A_ROW]
        for line in pictures.side_by_side([pictures.draw(digit.image) for digit in row], [_caption(d) for d in row]):
            out.print(line, markup=False, highlight=False)
        out.print()
    right = sum(digit.label == digit.predicted for digit in digits)
    out.print(
        f"{right} of {len(digits)} right, by model version {report['model_version']}, variant {report['variant']}, "
        f"endpoint {report['endpoint']}; accuracy on the held-out digits {report['test_accuracy']:.3f}",
        highlight=False,
        soft_wrap=True,
    )
    out.print(_table(report["phases"]))
    for line in (f"API  {report['api_url']}", "", "Try next:", *_next_commands(workload)):
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def _caption(digit: Digit) -> list[str]:
    mark = "right" if digit.label == digit.predicted else "WRONG"
    return [f"label {digit.label}", f"says {digit.predicted} {mark}", f"p = {digit.probability:.3f}"]


def _table(phases: Sequence[Mapping[str, Any]]) -> Any:
    from rich.table import Table

    table = Table("phase", "seconds", box=None, pad_edge=False, padding=(0, 2))
    table.columns[1].justify = "right"
    for phase in phases:
        table.add_row(phase["name"], f"{phase['seconds']:.1f}")
    table.add_row("all", f"{sum(phase['seconds'] for phase in phases):.1f}", style="bold")
    return table


def _next_commands(workload: str) -> list[str]:
    slipway = ".venv/bin/slipway"
    return [
        f"  {slipway} status",
        f"  {slipway} predict {workload} {REQUEST.relative_to(programs.ROOT)}",
        f"  {slipway} train {workload} --set epochs=10",
    ]
