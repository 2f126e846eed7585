"""`export`: a registered model as a file for where this stack does not run.

What a format is made of is each workload's own business: `training_code/<workload>/export.py MODEL_FOLDER OUTPUT
--format FORMAT`, run in the environment that its training runs in (docs/contract.md, "Export and import").
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import descriptors, packages, programs
from cli.errors import CliError
from cli.formats import Format
from cli.progress import Board

if TYPE_CHECKING:
    from cli.group import Session

HOOK = "export.py"


_SUFFIXES = {
    Format.ARTIFACT: ".tar.gz",
    Format.ONNX: ".onnx",
    Format.TORCH: ".pt2",
    Format.SAVEDMODEL: "",
    Format.KERAS: ".keras",
}


def export(session: Session, name: str, *, kind: Format, version: str | None, out: Path) -> Path:
    """Write `<out>/<workload>-v<version><suffix>` and return its path. Raises CliError."""
    target = session.target()
    descriptor = descriptors.workload(target, name)
    version = version or packages.serving_version(target, descriptor)
    uri = packages.artifact_uri(target, descriptor, version)
    output = out.resolve() / f"{name}-v{version}{_SUFFIXES[kind]}"
    if output.exists():
        raise CliError(f"{output} exists already.", hint="Move it away, or name another folder with --out.")
    output.parent.mkdir(parents=True, exist_ok=True)
    with Board(session.err) as board, tempfile.TemporaryDirectory() as work:
        archive = Path(work) / "model.tar.gz"
        with board.phase("download"):
            packages.download(target, uri, archive)
        if kind is Format.ARTIFACT:
            shutil.copyfile(archive, output)
        else:
            packages.unpack(archive, Path(work) / "model")
            _convert(descriptor, Path(work) / "model", output, kind=kind, board=board)
    return output


def _convert(descriptor: Mapping[str, Any], model: Path, output: Path, *, kind: Format, board: Board) -> None:
    folder = programs.ROOT / "training_code" / descriptor["name"]
    hook = folder / HOOK
    if not hook.is_file():
        raise CliError(
            f"{descriptor['name']} gives no {kind}: it has no {hook.relative_to(programs.ROOT)}.",
            hint="What every workload gives: --format artifact",
        )
    with board.phase("build the training environment"):
        python = _interpreter(descriptor["training"]["image_uri"], folder / "requirements.txt")
    # Whole or not at all: what the hook leaves behind when it fails is no model.
    made = model.parent / output.name
    with board.phase("convert"):
        programs.run(
            [python, str(hook), str(model), str(made), "--format", kind],
            name="export",
            environment=programs.uv_environment(),
        )
    shutil.move(made, output)


def _interpreter(image_uri: str, requirements: Path) -> str:
    """The Python of the workload's training containers, as they run on this machine."""
    command = [sys.executable, "-m", "localcloud.images", "environment", "--image", image_uri]
    if requirements.is_file():
        command.append(str(requirements))
    return programs.run(command, name="environment", environment=programs.uv_environment())[-1]
