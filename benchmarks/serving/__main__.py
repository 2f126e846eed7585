"""Model servers side by side

    python -m benchmarks.serving [--rivals classic,ray] [--seconds 2] [--rounds 3] [--json FILE] [--write-docs]

JSON in, JSON out, one row of 784 grey levels a request, two workers each, OMP_NUM_THREADS=1; wrk keeps 16 or 64
connections busy (1 where a single caller's latency is meant) and a single error ends the run. Before it is timed,
every server has to answer 64 rows as PyTorch does (absolute tolerance 1e-4). A server runs alone while it is measured,
and is started anew in every round.

The networks: "MLP" is 784-128-10, "CNN" the network of SageMaker's own MNIST sample (5x5 convolutions of 10 and 20
channels). The rivals run them with PyTorch; ours runs what training exported with ONNX Runtime, and with PyTorch where
it says so. "classic" is nginx, gunicorn and Flask, as AWS's bring-your-own sample has them (gunicorn alone where there
is no nginx on the PATH), "Ray Serve" stands behind a FastAPI proxy. TorchServe, LitServe, BentoML and Ray Serve batch
up to 64 requests. "hello" is a function that answers the same bytes to everything, on the HTTP server that ours uses,
uvicorn; on granian it is the same function.

What it does not show: other payloads, larger models, accelerators, and a network between client and server. wrk takes
its share of the two cores, which favours no side but makes fast ones look slower than they are.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.command import main
from benchmarks.results import Result, alternate, summarise
from benchmarks.serving import load
from benchmarks.serving.bench import Bench
from benchmarks.serving.contestants import (
    HELLO,
    HELLO_ON_GRANIAN,
    OURS,
    OURS_NOTHING,
    OURS_TORCH,
    OURS_UNBATCHED,
    RIVALS,
    Contestant,
)
from benchmarks.serving.ratios import GOALS, ratios

WORKERS = 2
Figures = dict[str, Any]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rivals", default=",".join(RIVALS), help="those that are measured, of %(default)s")
    parser.add_argument("--seconds", type=int, default=2, help="of each load (%(default)s)")


def measure(rivals: list[str], seconds: int, rounds: int) -> Result:
    """Requests per second, latencies in milliseconds, starts in seconds, memory in MiB."""
    load.require_wrk()
    missing = {name: reason for name in rivals if (reason := RIVALS[name].missing())}
    if "classic" in rivals and not shutil.which("nginx"):
        missing["nginx"] = "it is not on the PATH; classic is gunicorn and Flask alone"
    with tempfile.TemporaryDirectory(prefix="slipway-serving-") as folder:
        bench = Bench(Path(folder), WORKERS, seconds)
        bench.prepare()
        runs = alternate(rounds, sides(bench, [name for name in rivals if name not in missing]))
    measured = {name for run in runs for name in ratios(run)}
    goals = {name: goal for name, goal in GOALS.items() if name in measured}
    return summarise(runs, ratios, goals) | {"left_out": missing}


def sides(bench: Bench, rivals: list[str]) -> Mapping[str, Callable[[], Any]]:
    """What takes turns."""
    found: dict[str, Callable[[], Any]] = {
        "ours": partial(bench.turn, OURS, "mlp", [1, 16, 64]),
        "ours, unbatched": partial(bench.turn, OURS_UNBATCHED, "mlp", [1, 64]),
        "ours, CNN": partial(bench.turn, OURS, "cnn", [16, 64]),
        "ours with PyTorch, CNN": partial(bench.turn, OURS_TORCH, "cnn", [64]),
        "import torch": bench.import_torch_seconds,
        "ours, nothing": partial(bench.turn, OURS_NOTHING, "nothing", [64]),
        "hello": partial(bench.turn, HELLO, "nothing", [1, 64], checked=False),
        "hello on granian": partial(bench.turn, HELLO_ON_GRANIAN, "nothing", [1, 64], checked=False),
    }
    for name in rivals:
        found[name] = partial(_turn, bench, RIVALS[name], "mlp")
        if name == "classic":
            found["classic, CNN"] = partial(_turn, bench, RIVALS[name], "cnn")
    return found


def _turn(bench: Bench, rival: Contestant, network: str) -> Figures:
    """A rival that breaks down has no figures in this round, but the reason."""
    try:
        return bench.turn(rival, network, [16, 64])
    except (RuntimeError, OSError) as error:
        Console(stderr=True).print(f"{rival.name}: {error}", markup=False)
        return {"error": str(error)}


def _measure(arguments: argparse.Namespace) -> Result:
    rivals = [name for name in arguments.rivals.split(",") if name]
    if unknown := sorted(set(rivals) - set(RIVALS)):
        raise SystemExit(f"--rivals: {unknown[0]!r} is none of {', '.join(RIVALS)}")
    result = measure(rivals, arguments.seconds, arguments.rounds)
    for name, reason in result["left_out"].items():
        Console(stderr=True).print(f"{name} is left out: {reason}", markup=False)
    return result


if __name__ == "__main__":
    main("serving", str(__doc__), _measure, rounds=3, add_options=add_options)
