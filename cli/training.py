"""`train` and `rerun`: upload, ask for a new run on the newest data set, or copy a past run's; then follow."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import checks, data, descriptors, hyperparameters, past_runs, runs
from cli.progress import Board
from cli.target import Target

if TYPE_CHECKING:
    from cli.group import Session


def train(
    session: Session, name: str, *, folder: Path | None, settings: Sequence[str], check: bool, wait: bool, as_json: bool
) -> None:
    """Start a run and, with `wait`, follow it. Everything that can be refused is refused before the upload."""
    target = session.target()
    descriptor = descriptors.workload(target, name)
    values = hyperparameters.parse(settings, descriptor["training"]["hyperparameters"])
    assignment = data.assign(folder, descriptor["data"]["channels"]) if folder else None

    def begin(board: Board) -> str:
        if assignment and check:
            _check(target, descriptor, assignment, board)
        return submit(target, descriptor, assignment, values, board)

    _run(session, target, descriptor, begin, wait, as_json)


def rerun(session: Session, run: str, *, wait: bool, as_json: bool) -> None:
    """Once more the versions of the data and the hyperparameters of a past run, with the code that is deployed now."""
    target = session.target()
    past = past_runs.find(target, run)

    def copy(board: Board) -> str:
        with board.phase(f"copy data set {past.input['dataset']}") as phase:
            return past_runs.copy_dataset(target, past, lambda name: board.note(phase, name))

    _run(session, target, past.descriptor, copy, wait, as_json)


def redrive(session: Session, run: str, *, wait: bool, as_json: bool) -> None:
    """A run that failed goes on from the step that failed; what it had done is not done again."""
    target = session.target()
    past = past_runs.find(target, run)
    with Board(session.err) as board:
        count = runs.redrive(target, past.descriptor, run, board)
        outcome = runs.follow_run(target, past.descriptor, run, board, redrives=count) if wait else None
    tell(session, past.descriptor["name"], past.input["dataset"], outcome, as_json=as_json)


def _run(
    session: Session,
    target: Target,
    descriptor: Mapping[str, Any],
    begin: Callable[[Board], str],
    wait: bool,
    as_json: bool,
) -> None:
    """Start a run by `begin`, which returns the data set's name, follow it and tell what came of it."""
    name, before = descriptor["name"], runs.names(target, descriptor)
    with Board(session.err) as board:
        dataset = begin(board)
        outcome = runs.follow(target, descriptor, dataset=dataset, before=before, board=board) if wait else None
    tell(session, name, dataset, outcome, as_json=as_json)


def tell(session: Session, name: str, dataset: str, outcome: runs.Outcome | None, *, as_json: bool) -> None:
    """Print what a run came to; `outcome` is None where it was not followed."""
    document: dict[str, Any] = {"workload": name, "dataset": dataset} | (asdict(outcome) if outcome else {})
    if as_json:
        print(json.dumps(document, indent=2))
    else:
        session.out.print("\n".join(_lines(name, dataset, outcome)), highlight=False, soft_wrap=True)


def _check(target: Target, descriptor: Mapping[str, Any], assignment: data.Assignment, board: Board) -> None:
    """Refuse data that a run would refuse; tell of files that it would set apart."""
    if descriptor["checks"] is None:
        return
    with board.phase("check the data") as phase:
        for line in checks.require_accepted(target, descriptor, assignment):
            board.note(phase, line.strip())


def submit(
    target: Target,
    descriptor: Mapping[str, Any],
    assignment: data.Assignment | None,
    values: Mapping[str, str],
    board: Board,
    *,
    imported_model: str | None = None,
) -> str:
    """Write the objects that start a run; the data set's name. `imported_model` is judged in place of a new one."""
    if assignment is None:
        with board.phase("ask for a run on the newest data set") as phase:
            dataset = data.newest_dataset(target, descriptor)
            board.note(phase, dataset)
            data.write_request(target, descriptor, dataset, values, imported_model)
        return dataset
    with board.phase("upload") as phase:
        return data.upload(
            target, descriptor, assignment, values, lambda path: board.note(phase, path.name), imported_model
        )


def _lines(name: str, dataset: str, outcome: runs.Outcome | None) -> list[str]:
    if outcome is None:
        return [f"Data set {dataset} is uploaded; its run starts by itself. See: slipway status"]
    metrics = ", ".join(f"{metric} {value:g}" for metric, value in outcome.metrics.items())
    lines = [f"Run {outcome.run}: model version {outcome.model_version} ({metrics})"]
    if outcome.in_service:
        return [*lines, f"It serves at endpoint {outcome.endpoint}, variant {outcome.variant}."]
    return [
        *lines,
        f"It waits for approval: slipway approve {name} --version {outcome.model_version}",
    ]
