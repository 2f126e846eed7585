"""From the container's start to the script's end."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from driver import archive, environment, failure, launch, requirements, supervise
from driver.errors import DriverError, InvalidJobConfig
from driver.job import CODE_CHANNEL, Job, Layout, read_job
from driver.processing import is_processing, processing_arguments, processing_variables, read_processing_job

ROOT_VARIABLE = "SLIPWAY_ML_ROOT"
SCRIPT_VARIABLE = "SLIPWAY_SCRIPT"


def main(arguments: Sequence[str] = ()) -> int:
    """Runs the job's script; returns the container's exit code. `arguments` are a processing job's parameters."""
    layout = Layout(Path(os.environ.get(ROOT_VARIABLE, "/opt/ml")))
    processing = is_processing(layout)
    failure_file = layout.output / ("message" if processing else "failure")
    try:
        script, ending = _process(layout, arguments) if processing else _train(layout)
    except DriverError as error:
        return _fail(failure_file, failure.bounded(f"{type(error).__name__}: {error}", []))
    except Exception as error:
        lines = traceback.format_exc().splitlines()
        return _fail(failure_file, failure.bounded(f"{type(error).__name__}: {error}", lines[:-1]))
    if ending.returncode != 0 and not ending.stopped:
        failure.write(failure_file, failure.text(ending, script))
    return ending.exit_code


def _train(layout: Layout) -> tuple[str, supervise.Ending]:
    started = time.monotonic()
    name = _script_name()
    job = read_job(layout)
    script = _prepare(layout, layout.channel(CODE_CHANNEL), name)
    for folder in (layout.model, layout.output / "data", layout.checkpoints):
        folder.mkdir(parents=True, exist_ok=True)
    command, variables = _command(script, job)
    _announce(script, environment.script_arguments(job.hyperparameters), started)
    return name, supervise.run(command, folder=layout.code, variables=variables)


def _process(layout: Layout, parameters: Sequence[str]) -> tuple[str, supervise.Ending]:
    started = time.monotonic()
    name = _script_name()
    job = read_processing_job(layout)
    script = _prepare(layout, job.code, name)
    for folder in job.outputs.values():
        folder.mkdir(parents=True, exist_ok=True)
    arguments = processing_arguments(job, parameters)
    variables = environment.memory_variables(os.environ)
    variables |= processing_variables(job, gpus=environment.count_gpus(), cpus=environment.count_cpus())
    _announce(script, arguments, started)
    return name, supervise.run(launch.plain(script, arguments), folder=layout.code, variables=variables)


def _script_name() -> str:
    name = os.environ.get(SCRIPT_VARIABLE, "")
    if not name:
        raise InvalidJobConfig(f"the variable {SCRIPT_VARIABLE} does not name the script, such as train.py")
    return name


def _prepare(layout: Layout, channel: Path, name: str) -> Path:
    """The script, its code unpacked and what that requires installed."""
    archive.unpack(archive.find_archive(channel), layout.code)
    script = launch.find_script(layout.code, name)
    requirements.ensure_installed(layout.code / "requirements.txt")
    return script


def _announce(script: Path, arguments: Sequence[str], started: float) -> None:
    told = " ".join([script.name, *arguments])
    print(f"driver: starting {told} after {1000 * (time.monotonic() - started):.0f} ms", flush=True)


def _command(script: Path, job: Job) -> tuple[list[str], dict[str, str]]:
    gpus = environment.count_gpus()
    variables = environment.script_variables(job, gpus=gpus, cpus=environment.count_cpus())
    arguments = environment.script_arguments(job.hyperparameters)
    job_name = os.environ.get("TRAINING_JOB_NAME", "")
    command = launch.command(script, arguments, job, gpus=gpus, job_name=job_name)
    return command, {**environment.memory_variables(os.environ), **variables, **launch.network_variables(job)}


def _fail(path: Path, content: str) -> int:
    print(f"driver: {content}", flush=True)
    failure.write(path, content)
    return 1
