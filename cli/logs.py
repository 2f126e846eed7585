"""The logs of a workload's newest run and of its endpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cli import jobs, runs
from cli.errors import CliError
from cli.target import Target


def of_workload(
    target: Target, descriptor: Mapping[str, Any], *, run: str | None, lines: int
) -> Iterator[tuple[str, list[str]]]:
    """(heading, last lines) of the run's jobs, in their order, and of the endpoint.

    `run` None means the newest; raises CliError when there is no such run.
    """
    known = [item["name"] for item in runs.executions(target, descriptor["train_state_machine_arn"], limit=1000)]
    if not known:
        raise CliError(
            f"{descriptor['name']} has had no run yet.", hint=f"slipway train {descriptor['name']} --data FOLDER"
        )
    if run is not None and run not in known:
        raise CliError(f"{descriptor['name']} has no run {run!r}.", hint="Its last runs: " + ", ".join(known[:5]))
    job = runs.job_name(descriptor, run or known[0])
    if descriptor["checks"]:
        yield _processing_log(target, f"{job}-check", lines)
    for step in (descriptor["processing"] or {"steps": []})["steps"]:
        yield _processing_log(target, f"{job}-{step['name']}", lines)
    tuning_job = runs.tuning_job_name(descriptor, run or known[0])
    if tuning_job:
        yield (
            f"training jobs of tuning job {tuning_job}",
            jobs.tail(target, jobs.TRAINING_LOGS, f"{tuning_job}-", lines),
        )
    else:
        yield f"training job {job}", jobs.tail(target, jobs.TRAINING_LOGS, f"{job}/", lines)
    yield _processing_log(target, f"{job}-eval", lines)
    endpoint = descriptor["endpoint_name"]
    yield f"endpoint {endpoint}", jobs.tail(target, jobs.ENDPOINT_LOGS.format(endpoint=endpoint), "", lines)


def _processing_log(target: Target, job: str, lines: int) -> tuple[str, list[str]]:
    return f"processing job {job}", jobs.tail(target, jobs.PROCESSING_LOGS, f"{job}/", lines)
