"""How long one row takes, of several models beside each other.

The models take turns within one process, so that whatever else the machine does meets all of them alike. A row goes
the way of a request: input_fn, predict_fn, output_fn, without HTTP.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from server import formats
from server.model.loading import SAMPLE_REQUEST
from server.model.predictor import Predictor

_WARM_UP = 3
_MOST_ROUNDS = 200
_SECONDS = 2.0


def single_row(inference: Path) -> bytes | None:
    """The workload's sample request with its first instance only; None where there is none to take."""
    path = inference / SAMPLE_REQUEST
    sample = json.loads(path.read_bytes()) if path.is_file() else None
    instances = sample.get("instances") if isinstance(sample, dict) else None
    if not isinstance(instances, list) or not instances:
        return None
    return json.dumps({**sample, "instances": instances[:1]}).encode()


def measure(predictors: Mapping[str, Predictor], body: bytes) -> dict[str, dict[str, Any]]:
    """`{name: {"p50", "p99", "requests"}}`, in milliseconds. Raises RequestError where a model refuses the row."""
    for predictor in predictors.values():
        for _ in range(_WARM_UP):
            ask(predictor, body)
    taken: dict[str, list[float]] = {name: [] for name in predictors}
    end = time.monotonic() + _SECONDS
    for number in range(_MOST_ROUNDS):
        if number and time.monotonic() > end:
            break
        for name, predictor in predictors.items():
            started = time.perf_counter()
            ask(predictor, body)
            taken[name].append(1000 * (time.perf_counter() - started))
    return {name: summary(found) for name, found in taken.items()}


def summary(milliseconds: list[float]) -> dict[str, Any]:
    """Percentiles by the nearest rank: each is a time that was measured."""
    ordered = sorted(milliseconds)

    def percentile(percent: int) -> float:
        return round(ordered[max(0, -(-percent * len(ordered) // 100) - 1)], 3)

    return {"p50": percentile(50), "p99": percentile(99), "requests": len(ordered)}


def ask(predictor: Predictor, body: bytes) -> None:
    """One JSON request through the hooks. Raises RequestError."""
    predictor.predict(body, content_type=predictor.content_type(formats.JSON), accept=predictor.accepted("*/*"))
