"""The embedded cloud's own cost, beside moto's server for the control plane, and beside nothing at all for the rest.

    python -m benchmarks.localcloud [--jobs 10000] [--calls 200] [--rounds 3] [--json FILE]

The control planes hold the same training jobs and answer boto3 clients, one call after the other, taking turns call by
call, so that whatever else the machine does meets all of them. The jobs stored beforehand are written into the embedded
cloud's store as copies of one that ran, and created by calls in moto. A write (PutParameter) is on the disk when the
embedded cloud answers, and in memory when moto does. A job's start and InvokeEndpoint are compared with the same script
and the same model server by hand.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.clouds import MOTO, Embedded, Moto, Server
from benchmarks.containers import Containers, seconds, training_job
from localcloud.sagemaker.store import Store

EMBEDDED, RIVAL = "embedded", "moto"
KIND = "training-job"
ROLE = "arn:aws:iam::000000000000:role/benchmark"


def main() -> None:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000, help="stored jobs (%(default)s)")
    parser.add_argument("--calls", type=int, default=200, help="calls a round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-rival", action="store_true", help="measure the embedded cloud alone")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    result = measure(arguments.jobs, arguments.calls, arguments.rounds, rival=not arguments.no_rival)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


def measure(jobs: int, calls: int, rounds: int, *, rival: bool) -> dict[str, Any]:
    """Ratios (medians), every round's figures, and the machine. Times in seconds, memory in MiB."""
    load = [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory(prefix="slipway-localcloud-") as folder, ExitStack() as stack:
        few, many = Embedded(Path(folder) / "few"), Embedded(Path(folder) / "many")
        server = few.start()
        stack.callback(few.stop)
        memory = {EMBEDDED: server.memory_mib()}
        (Path(folder) / "image").mkdir()
        containers = Containers(server, few.state, Path(folder) / "image")
        started = _run_containers(containers, calls, rounds)
        many.start()
        many.stop()
        _store_copies(few.state, many.state, jobs)
        servers = {(EMBEDDED, 1): server, (EMBEDDED, jobs): many.start()}
        stack.callback(many.stop)
        if rival:
            servers |= _start_rivals(stack, memory, jobs)
        planes = [_control_planes(servers, calls) for _ in range(rounds)]
        restarts = [_restart(many, servers, (EMBEDDED, jobs)) for _ in range(rounds)]
    runs = {"control_plane": planes, "restart_seconds": restarts, **started}
    return {
        "ratios": _ratios(runs, memory, jobs),
        "stored_jobs": jobs,
        "idle_memory_mib": memory,
        "runs": [runs],
        "rival": MOTO if rival else None,
        "machine": machine.describe(),
        "load_average": [*load, os.getloadavg()[0]],
    }


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


def _run_containers(containers: Containers, calls: int, rounds: int) -> dict[str, Any]:
    containers.job_start_seconds()  # the first one builds its environment
    starts = [
        {"job": containers.job_start_seconds(), "script": containers.script_start_seconds()} for _ in range(2 * rounds)
    ]
    pairs = containers.invocations(containers.endpoint(), rounds * calls)
    return {"starts": starts, "invocations": {side: _summary(values) for side, values in pairs.items()}}


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


def _ratios(runs: dict[str, Any], memory: dict[str, float], jobs: int) -> dict[str, float]:
    def plane(call: str, count: int, server: str) -> float:
        return statistics.median(round_[f"{call}, {count} jobs, {server}"] for round_ in runs["control_plane"])

    def start(side: str) -> float:
        return statistics.median(pair[side] for pair in runs["starts"])

    ratios = {"job start / script by hand": start("job") / start("script")}
    for call in ("describe", "list", "write"):
        ratios[f"{call}, {jobs} jobs / 1 job"] = plane(call, jobs, EMBEDDED) / plane(call, 1, EMBEDDED)
        if RIVAL in memory:
            for count in (1, jobs):
                ratio = plane(call, count, EMBEDDED) / plane(call, count, RIVAL)
                ratios[f"{call}, {count} jobs, embedded / moto"] = ratio
    if RIVAL in memory:
        ratios["idle memory, embedded / moto"] = memory[EMBEDDED] / memory[RIVAL]
    for figure in ("median", "p99"):
        invocations = runs["invocations"]
        ratios[f"InvokeEndpoint / direct, {figure}"] = invocations["endpoint"][figure] / invocations["direct"][figure]
    return ratios


def show(result: dict[str, Any]) -> None:
    """Ratios first, then the figures behind them (medians over the rounds)."""
    console, (runs,) = Console(width=100), result["runs"]
    for name, ratio in result["ratios"].items():
        console.print(f"{name}: {ratio:.2f}x")
    table = Table("what", "median ms", "a second")
    for name in runs["control_plane"][0]:
        value = statistics.median(round_[name] for round_ in runs["control_plane"])
        table.add_row(name, f"{value * 1000:.2f}", f"{1 / value:.0f}")
    for side, figures in runs["invocations"].items():
        table.add_row(f"one request, {side}", f"{figures['median'] * 1000:.2f} (p99 {figures['p99'] * 1000:.2f})", "")
    for side in ("job", "script"):
        table.add_row(f"first line, {side}", f"{statistics.median(p[side] for p in runs['starts']) * 1000:.0f}", "")
    console.print(table)
    restart = statistics.median(runs["restart_seconds"])
    console.print(f"kill -9 to the next answer, {result['stored_jobs']} jobs stored: {restart:.2f} s")
    console.print(", ".join(f"idle memory of {name}: {mib:.0f} MiB" for name, mib in result["idle_memory_mib"].items()))
    before, after = result["load_average"]
    console.print(f"load average before {before:.1f}, after {after:.1f}: what else ran on the machine is in it")
    console.print(", ".join(f"{name} {value}" for name, value in result["machine"].items()))


if __name__ == "__main__":
    main()
