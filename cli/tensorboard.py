"""`tensorboard`: the curves of a run, which its training job leaves beside its model, in the browser."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import descriptors, packages, past_runs, programs
from cli.errors import CliError

if TYPE_CHECKING:
    from cli.group import Session
    from cli.target import Target

FOLDER = programs.ROOT / "build" / "tensorboard"
EVENTS = "events.out.tfevents.*"
# In an environment of its own that uv keeps: nothing of it is needed by the rest.
REQUIREMENT = "tensorboard==2.20.0"
# It still imports pkg_resources, which setuptools had until version 81.
SETUPTOOLS = "setuptools==80.9.0"
RUNS_SEARCHED = 100


def tensorboard(session: Session, name: str, *, run: str | None, port: int, start: bool) -> Path:
    """Download the logs and, with `start`, serve them on loopback until Ctrl-C; the folder that holds them."""
    target = session.target()
    folder = download(target, descriptors.workload(target, name), run)
    if start:
        session.out.print(f"http://127.0.0.1:{port}/  (Ctrl-C ends it)", highlight=False)
        serve(folder, port)
    return folder


def download(target: Target, descriptor: Mapping[str, Any], run: str | None) -> Path:
    """The event files of a run (default: the newest that has a verdict). Raises CliError where it left none."""
    job, found = _training_job(target, descriptor, run)
    folder = FOLDER / descriptor["name"] / found
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    archive = folder / "output.tar.gz"
    artifacts = descriptor["artifacts"]
    uri = f"s3://{artifacts['bucket']}/{artifacts['prefix']}training/{job}/output/output.tar.gz"
    client = target.client("s3")
    try:
        packages.download(target, uri, archive)
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise
        raise _nothing(descriptor, job) from error
    packages.unpack(archive, folder)
    archive.unlink()
    if not any(folder.rglob(EVENTS)):
        raise _nothing(descriptor, job)
    return folder


def serve(folder: Path, port: int) -> None:
    """TensorBoard on a loopback address, until it ends or is interrupted."""
    uv = Path(sys.executable).parent / "uv"
    packages_of_its_own = [*("--with", REQUIREMENT), *("--with", SETUPTOOLS)]
    command = [str(uv), "run", "--quiet", "--no-project", "--python", sys.executable, *packages_of_its_own]
    command += ["tensorboard", "--logdir", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, env=programs.uv_environment(), stdin=subprocess.DEVNULL) as process:  # noqa: S603
        try:
            code = process.wait()
        except KeyboardInterrupt:
            # Ctrl-C has reached it as well, since it belongs to the same terminal.
            process.wait()
            return
    if code:
        raise CliError(
            f"TensorBoard ended with exit code {code}.", hint=f"Is port {port} taken? --board-port chooses another."
        )


def _training_job(target: Target, descriptor: Mapping[str, Any], run: str | None) -> tuple[str, str]:
    """The training job whose model was judged, and its run."""
    known = past_runs.collect(target, descriptor, RUNS_SEARCHED)
    judged = {item["name"]: item["training_job"] for item in known if item["training_job"]}
    if run is None and not judged:
        raise CliError(f"{descriptor['name']} has no run with a verdict yet.", hint="slipway runs WORKLOAD lists runs.")
    chosen = run or next(iter(judged))
    if chosen not in judged:
        raise CliError(f"{descriptor['name']} has no run {chosen!r} with a verdict.", hint=f"Last: {list(judged)[:3]}")
    return judged[chosen], chosen


def _nothing(descriptor: Mapping[str, Any], job: str) -> CliError:
    return CliError(
        f"The training job {job} of {descriptor['name']} left no TensorBoard logs.",
        hint="Its script has to write them below SM_OUTPUT_DATA_DIR.",
    )
