"""From the container's start to the script's end."""

from __future__ import annotations

import os
import time
import traceback
from pathlib import Path

from driver import archive, environment, failure, launch, requirements, supervise
from driver.errors import DriverError, InvalidJobConfig
from driver.job import CODE_CHANNEL, Job, Layout, read_job

ROOT_VARIABLE = "SLIPWAY_ML_ROOT"
SCRIPT_VARIABLE = "SLIPWAY_SCRIPT"


def main() -> int:
    """Runs the job's script; returns the container's exit code."""
    layout = Layout(Path(os.environ.get(ROOT_VARIABLE, "/opt/ml")))
    failure_file = layout.output / "failure"
    try:
        script, ending = _run(layout)
    except DriverError as error:
        return _fail(failure_file, failure.bounded(f"{type(error).__name__}: {error}", []))
    except Exception as error:
        lines = traceback.format_exc().splitlines()
        return _fail(failure_file, failure.bounded(f"{type(error).__name__}: {error}", lines[:-1]))
    if ending.returncode != 0 and not ending.stopped:
        failure.write(failure_file, failure.text(ending, script))
    return ending.exit_code


def _run(layout: Layout) -> tuple[str, supervise.Ending]:
    started = time.monotonic()
    name = os.environ.get(SCRIPT_VARIABLE, "")
    if not name:
        raise InvalidJobConfig(f"the variable {SCRIPT_VARIABLE} does not name the script, such as train.py")
    job = read_job(layout)
    archive.unpack(archive.find_archive(layout.channel(CODE_CHANNEL)), layout.code)
    script = launch.find_script(layout.code, name)
    requirements.ensure_installed(layout.code / "requirements.txt")
    for folder in (layout.model, layout.output / "data", layout.checkpoints):
        folder.mkdir(parents=True, exist_ok=True)
    command, variables = _command(script, job)
    told = " ".join([script.name, *environment.script_arguments(job.hyperparameters)])
    print(f"driver: starting {told} after {1000 * (time.monotonic() - started):.0f} ms", flush=True)
    return name, supervise.run(command, folder=layout.code, variables=variables)


def _command(script: Path, job: Job) -> tuple[list[str], dict[str, str]]:
    gpus = environment.count_gpus()
    variables = environment.script_variables(job, gpus=gpus, cpus=environment.count_cpus())
    arguments = environment.script_arguments(job.hyperparameters)
    job_name = os.environ.get("TRAINING_JOB_NAME", "")
    command = launch.command(script, arguments, job, gpus=gpus, job_name=job_name)
    return command, {**variables, **launch.network_variables(job)}


def _fail(path: Path, content: str) -> int:
    print(f"driver: {content}", flush=True)
    failure.write(path, content)
    return 1
