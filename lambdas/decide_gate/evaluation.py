"""evaluation.json: what the evaluation job measured of the challenger and of the champion on the same holdout.

`{"challenger": {"metrics": {name: number}, "slices"?: {slice: {name: number}}, "latency_ms"?: null | {"p50", "p99",
"requests"}, "artifact"?: {"sha256", "files", "bytes"}}, "champion": null | the same | {"error": "..."},
"holdout"?: {"sha256", "files", "bytes"}}`. NaN and the infinities are read (a model can diverge; the gate rejects it),
which strict JSON would not.
"""

import json
import math
import re
from dataclasses import dataclass, field, replace
from typing import Any

from shared.errors import SlipwayError

MAX_BYTES = 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")


class InvalidEvaluation(SlipwayError):
    """evaluation.json is missing, or is not what the evaluation job must write; the run fails, nothing is decided."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The gate's metric of one model, with all that was measured. `value` is None for a champion that could not be
    evaluated.
    """

    value: float | None
    metrics: dict[str, Any]
    error: str | None = None
    slices: dict[str, dict[str, Any]] = field(default_factory=dict)
    latency_ms: dict[str, float] | None = None
    artifact: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """`champion` is None for the first model; `holdout_sha256` where the job said on what it measured."""

    challenger: Measured
    champion: Measured | None
    holdout_sha256: str | None


def parse(data: bytes, *, metric: str, champion_sha256: str | None = None) -> Evaluation:
    """`InvalidEvaluation` names the field that is wrong. `champion_sha256`: what the champion was registered with."""
    try:
        document = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InvalidEvaluation(f"evaluation.json is not JSON: {error}") from error
    if not isinstance(document, dict) or "challenger" not in document:
        raise InvalidEvaluation("evaluation.json must be an object with the key 'challenger'")
    challenger = _measured(document["challenger"], metric, "challenger")
    champion = _champion(document.get("champion"), metric)
    if champion and champion.artifact and champion_sha256 not in {None, champion.artifact["sha256"]}:
        swapped = f"its files have the SHA-256 {champion.artifact['sha256']}, it was registered with {champion_sha256}"
        champion = replace(champion, value=None, error=swapped)
    holdout = _object(document.get("holdout") or {}, "holdout")
    return Evaluation(challenger=challenger, champion=champion, holdout_sha256=holdout.get("sha256"))


def _champion(document: Any, metric: str) -> Measured | None:
    """A champion that cannot be compared must not block its successor: its trouble is kept as `error`."""
    if document is None:
        return None
    if isinstance(document, dict) and "error" in document:
        return Measured(value=None, metrics={}, error=str(document["error"])[:500])
    try:
        champion = _measured(document, metric, "champion")
    except InvalidEvaluation as error:
        return Measured(value=None, metrics={}, error=str(error)[:500])
    if champion.value is None or not math.isfinite(champion.value):
        return replace(champion, value=None, error=f"champion's {metric} is {champion.value}")
    return champion


def _measured(document: Any, metric: str, who: str) -> Measured:
    metrics = document.get("metrics") if isinstance(document, dict) else None
    if not isinstance(metrics, dict):
        raise InvalidEvaluation(f"evaluation.json: {who}.metrics must be an object")
    if metric not in metrics:
        measured = ", ".join(sorted(metrics)) or "nothing"
        raise InvalidEvaluation(
            f"evaluation.json: {who}.metrics lacks the gate's metric {metric!r}; measured: {measured}"
        )
    value = metrics[metric]
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InvalidEvaluation(
            f"evaluation.json: {who}.metrics.{metric} must be a number, found {type(value).__name__}"
        )
    try:
        number = float(value)
    except OverflowError as error:
        raise InvalidEvaluation(f"evaluation.json: {who}.metrics.{metric} is beyond every float") from error
    slices = _object(document.get("slices") or {}, f"{who}.slices")
    return Measured(
        value=number,
        metrics=metrics,
        slices={name: _object(one, f"{who}.slices.{name}") for name, one in slices.items()},
        latency_ms=_numbers(document.get("latency_ms"), f"{who}.latency_ms", ("p50", "p99")),
        artifact=_artifact(document.get("artifact"), f"{who}.artifact"),
    )


def _artifact(document: Any, where: str) -> dict[str, Any] | None:
    found = _numbers(document, where, ("bytes", "files"))
    if found is not None and not _SHA256.fullmatch(str(found.get("sha256"))):
        raise InvalidEvaluation(f"evaluation.json: {where}.sha256 must be 64 hex digits")
    return found


def _numbers(document: Any, where: str, names: tuple[str, ...]) -> dict[str, Any] | None:
    if document is None:
        return None
    for name in names:
        value = _object(document, where).get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise InvalidEvaluation(f"evaluation.json: {where}.{name} must be a number from 0, found {value!r:.40}")
    return document


def _object(document: Any, where: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise InvalidEvaluation(f"evaluation.json: {where} must be an object")
    return document
