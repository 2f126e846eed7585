"""What the embedded cloud costs

    python -m benchmarks.localcloud [--jobs 10000] [--calls 200] [--rounds 3] [--no-rival] [--json FILE] [--write-docs]

Beside moto's server for the control plane, and beside nothing at all for the rest.

The control planes hold the same training jobs and answer boto3 clients, one call after the other, taking turns call by
call, so that whatever else the machine does meets all of them. The jobs stored beforehand are written into the embedded
cloud's store as copies of one that ran, and created by calls in moto. A write (PutParameter) is checked against IAM and
on the disk when the embedded cloud answers (ADR 8), and in memory when moto does. A job's start and InvokeEndpoint are
compared with the same script and the same model server by hand; signing, boto3 and IAM are in the difference.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.clouds import MOTO, Embedded, Moto, Server
from benchmarks.command import main
from benchmarks.containers import Containers, seconds, training_job
from benchmarks.results import Goal, Result, summarise
from localcloud.sagemaker.store import Store

EMBEDDED, RIVAL = "embedded", "moto"
KIND = "training-job"
ROLE = "arn:aws:iam::000000000000:role/benchmark"
CALLS = ("describe", "list", "write")
STORE_GROWS = Goal(maximum=1.5)
"""What is stored must not slow a call down; the list answers ten jobs instead of one."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=int, default=10_000, help="stored jobs (%(default)s)")
    parser.add_argument("--calls", type=int, default=200, help="calls a round (%(default)s)")
    parser.add_argument("--no-rival", action="store_true", help="measure the embedded cloud alone")


def measure(jobs: int, calls: int, rounds: int, *, rival: bool) -> Result:
    """Times in seconds, memory in MiB."""
    with tempfile.TemporaryDirectory(prefix="slipway-localcloud-") as folder, ExitStack() as stack:
        few, many = Embedded(Path(folder) / "few"), Embedded(Path(folder) / "many")
        server = few.start()
        stack.callback(few.stop)
        memory = {EMBEDDED: server.memory_mib()}
        (Path(folder) / "image").mkdir()
        containers = Containers(server, few.state, Path(folder) / "image")
        containers.job_start_seconds()  # the first one builds its environment
        endpoint = containers.endpoint()
        many.start()
        many.stop()
        _store_copies(few.state, many.state, jobs)
        servers = {(EMBEDDED, 1): server, (EMBEDDED, jobs): many.start()}
        stack.callback(many.stop)
        if rival:
            servers |= _start_rivals(stack, memory, jobs)
        runs = [
            {
                "job_start": containers.job_start_seconds(),
                "script_start": containers.script_start_seconds(),
                "invocations": _invocations(containers, endpoint, calls),
                "control_plane": _control_planes(servers, calls),
                "restart": _restart(many, servers, (EMBEDDED, jobs)),
                "idle_memory_mib": memory,
            }
            for _ in range(rounds)
        ]
    goals = {f"{call}, {jobs} jobs / 1 job": STORE_GROWS for call in CALLS if call != "list"}
    return summarise(runs, partial(_ratios, jobs=jobs), goals) | {"rival": MOTO if rival else None}


def _start_rivals(stack: ExitStack, memory: dict[str, float], jobs: int) -> dict[tuple[str, int], Server]:
    found = {}
    for count in (1, jobs):
        moto = Moto()
        server = moto.start()
        stack.callback(moto.stop)
        memory[RIVAL] = server.memory_mib()
        sagemaker = server.client("sagemaker")
        for number in range(count):
            sagemaker.create_training_job(**training_job(f"started-{number}", ROLE, "first_line.py"))
        found[RIVAL, count] = server
    return found


def _invocations(containers: Containers, endpoint: str, calls: int) -> dict[str, dict[str, float]]:
    return {side: _summary(values) for side, values in containers.invocations(endpoint, calls).items()}


def _control_planes(servers: dict[tuple[str, int], Server], calls: int) -> dict[str, float]:
    """Median seconds of a call, by ``"call, jobs, server"``. The servers take turns at every single call."""
    actions = {
        f"{call}, {count} jobs, {name}": action
        for (name, count), server in servers.items()
        for call, action in _calls(server).items()
    }
    times: dict[str, list[float]] = {name: [] for name in actions}
    for number in range(calls + 1):
        for name, action in actions.items():
            taken = seconds(action)
            if number:  # the first one opens the connection
                times[name].append(taken)
    return {name: statistics.median(values) for name, values in times.items()}


def _calls(server: Server) -> dict[str, Callable[[], Any]]:
    sagemaker, ssm = server.client("sagemaker"), server.client("ssm")
    return {
        "describe": lambda: sagemaker.describe_training_job(TrainingJobName="started-0"),
        "list": lambda: sagemaker.list_training_jobs(MaxResults=10),
        "write": lambda: ssm.put_parameter(Name="/benchmark", Value="value", Type="String", Overwrite=True),
    }


def _summary(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "p99": statistics.quantiles(values, n=100)[98]}


def _store_copies(source: Path, target: Path, count: int) -> None:
    """A job of one cloud, and copies of it under other names and times, for one that does not run."""
    original, store = Store(source / "sagemaker" / "store.sqlite"), Store(target / "sagemaker" / "store.sqlite")
    try:
        job = original.get(KIND, "started-0")
        store.create(KIND, "started-0", job)
        for number in range(1, count):
            named = {"TrainingJobName": f"copy-{number}", "CreationTime": job["CreationTime"] - number}
            named["TrainingJobArn"] = job["TrainingJobArn"].replace("started-0", f"copy-{number}")
            store.create(KIND, f"copy-{number}", {**job, **named})
    finally:
        original.close()
        store.close()


def _restart(embedded: Embedded, servers: dict[tuple[str, int], Server], place: tuple[str, int]) -> float:
    """``kill -9`` to the first answer of the next one."""

    def restart() -> None:
        embedded.kill(servers[place])
        servers[place] = embedded.start()
        servers[place].client("sagemaker").list_training_jobs(MaxResults=1)

    return seconds(restart)


def _ratios(run: dict[str, Any], *, jobs: int) -> dict[str, float]:
    plane, memory, invocations = run["control_plane"], run["idle_memory_mib"], run["invocations"]
    ratios = {"job start / script by hand": run["job_start"] / run["script_start"]}
    for call in CALLS:
        ratios[f"{call}, {jobs} jobs / 1 job"] = (
            plane[f"{call}, {jobs} jobs, {EMBEDDED}"] / plane[f"{call}, 1 jobs, {EMBEDDED}"]
        )
        if RIVAL in memory:
            for count in (1, jobs):
                ours, theirs = (plane[f"{call}, {count} jobs, {side}"] for side in (EMBEDDED, RIVAL))
                ratios[f"{call}, {count} jobs, embedded / moto"] = ours / theirs
    if RIVAL in memory:
        ratios["idle memory, embedded / moto"] = memory[EMBEDDED] / memory[RIVAL]
    for figure in ("median", "p99"):
        ratios[f"InvokeEndpoint / direct, {figure}"] = invocations["endpoint"][figure] / invocations["direct"][figure]
    return ratios


def _measure(arguments: argparse.Namespace) -> Result:
    return measure(arguments.jobs, arguments.calls, arguments.rounds, rival=not arguments.no_rival)


if __name__ == "__main__":
    main("localcloud", __doc__, _measure, rounds=3, add_options=add_options)
