"""What is compared with what, and what it is to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.results import Goal

TITLES = {
    "classic": "classic",
    "torchserve": "TorchServe",
    "litserve": "LitServe",
    "bentoml": "BentoML",
    "ray": "Ray Serve",
}
_START = "start to first good /ping"
GOALS = {
    "MLP, 16 connections: requests/s, ours / classic": Goal(minimum=5),
    "MLP, 64 connections: requests/s, ours / classic": Goal(minimum=6),
    "MLP, 64 connections: p99, ours / classic": Goal(maximum=0.25),
    "MLP, 64 connections: requests/s, ours / TorchServe": Goal(minimum=4),
    "MLP, 64 connections: requests/s, ours / LitServe": Goal(minimum=10),
    "MLP, 64 connections: requests/s, ours / Ray Serve": Goal(minimum=50),
    "CNN, 16 connections: requests/s, ours / classic": Goal(minimum=5),
    "CNN, 64 connections: requests/s, ours / classic": Goal(minimum=5),
    "MLP, 64 connections: requests/s, batched / unbatched": Goal(minimum=1.2),
    "MLP, 1 connection: median latency, batched / unbatched": Goal(maximum=1.1),
    "a model that costs nothing: requests/s, ours / hello": Goal(minimum=0.7),
    f"{_START}, seconds": Goal(maximum=0.6),
    f"{_START} with PyTorch / import torch": Goal(maximum=1.3),
    "memory, ours / TorchServe": Goal(maximum=0.6),
    "memory with PyTorch, ours / TorchServe": Goal(maximum=0.6),
}
"""Of those of `ratios`; the others are told for what they are."""


def ratios(run: Mapping[str, Any]) -> dict[str, float]:
    """Of one round. A rival without figures has no ratios."""
    ours, found = run["ours"], {}
    for name, title in TITLES.items():
        rival = run.get(name, {})
        for connections in (16, 64):
            if speed := _speed(rival, connections):
                label = f"MLP, {connections} connections"
                found[f"{label}: requests/s, ours / {title}"] = _speed(ours, connections) / speed
    for label, own in {"CNN": "ours, CNN", "CNN with PyTorch": "ours with PyTorch, CNN"}.items():
        for connections in (16, 64):
            if (mine := _speed(run[own], connections)) and (speed := _speed(run.get("classic, CNN", {}), connections)):
                found[f"{label}, {connections} connections: requests/s, ours / classic"] = mine / speed
    if "c64" in run.get("classic", {}):
        found["MLP, 64 connections: p99, ours / classic"] = ours["c64"]["p99"] / run["classic"]["c64"]["p99"]
    if memory := run.get("torchserve", {}).get("memory_mib"):
        found["memory, ours / TorchServe"] = ours["memory_mib"] / memory
        found["memory with PyTorch, ours / TorchServe"] = run["ours with PyTorch, CNN"]["memory_mib"] / memory
    alone = run["ours, unbatched"]
    nothing = _speed(run["ours, nothing"], 64) / _speed(run["hello"], 64)
    hello, granian = run["hello"], run["hello on granian"]
    return found | {
        "hello, 64 connections: requests/s, uvicorn / granian": _speed(hello, 64) / _speed(granian, 64),
        "hello, 1 connection: median latency, uvicorn / granian": hello["c1"]["p50"] / granian["c1"]["p50"],
        "MLP, 64 connections: requests/s, batched / unbatched": _speed(ours, 64) / _speed(alone, 64),
        "MLP, 1 connection: median latency, batched / unbatched": ours["c1"]["p50"] / alone["c1"]["p50"],
        "a model that costs nothing: requests/s, ours / hello": nothing,
        f"{_START}, seconds": ours["ready_seconds"],
        f"{_START} with PyTorch / import torch": run["ours with PyTorch, CNN"]["ready_seconds"] / run["import torch"],
    }


def _speed(figures: Mapping[str, Any], connections: int) -> float:
    """Requests per second; 0 where this was not measured."""
    return figures.get(f"c{connections}", {}).get("per_second", 0.0)
