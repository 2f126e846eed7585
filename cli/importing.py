"""`import`: an artifact that was made elsewhere becomes a model version, by the same evaluation, gate and rollout."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import data, descriptors, runs, training
from cli.errors import CliError
from cli.progress import Board
from cli.target import Target

if TYPE_CHECKING:
    from cli.group import Session


def import_model(session: Session, name: str, source: Path, *, folder: Path | None, wait: bool, as_json: bool) -> None:
    """Upload `source` (a model.tar.gz, or a folder of what is in one) and follow the run that judges it.

    It is judged on the data set in `folder`, or on the newest one. Raises CliError before any upload where it can.
    """
    target = session.target()
    descriptor = descriptors.workload(target, name)
    check(source)
    assignment = data.assign(folder, descriptor["data"]["channels"]) if folder else None
    before = runs.names(target, descriptor)
    with Board(session.err) as board:
        with board.phase("upload the model") as phase:
            model = _upload(target, descriptor, source)
            board.note(phase, model)
        dataset = training.submit(target, descriptor, assignment, {}, board, imported_model=model)
        outcome = runs.follow(target, descriptor, dataset=dataset, before=before, board=board) if wait else None
    training.tell(session, name, dataset, outcome, as_json=as_json)


def check(source: Path) -> None:
    """Raises CliError for what can be no model, before anything is uploaded."""
    if source.is_dir() and any(source.iterdir()):
        return
    if not source.is_file() or not tarfile.is_tarfile(source):
        raise CliError(
            f"{source} is neither a folder with files nor a tar archive.",
            hint="Give what training writes to its model folder: the folder, or its model.tar.gz.",
        )


def _upload(target: Target, descriptor: Mapping[str, Any], source: Path) -> str:
    """The name under which the model lies in the artifact bucket, beside those of training jobs."""
    model = f"imported-{data.new_dataset_name()}"
    artifacts = descriptor["artifacts"]
    key = f"{artifacts['prefix']}training/{model}/output/model.tar.gz"
    with tempfile.TemporaryDirectory() as work:
        archive = source if source.is_file() else pack(source, Path(work) / "model.tar.gz")
        target.client("s3").upload_file(str(archive), artifacts["bucket"], key)
    return model


def pack(folder: Path, archive: Path) -> Path:
    """The folder's files as a model.tar.gz, by their paths below it; links are followed."""
    with tarfile.open(archive, "w:gz") as opened:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                opened.add(path.resolve(), str(path.relative_to(folder)))
    return archive
