"""evaluation.json: what the evaluation job measured of the challenger and of the champion on the same holdout.

`{"challenger": {"metrics": {name: number}}, "champion": null | {"metrics": {...}} | {"error": "..."}}`. NaN and the
infinities are
read (a model can diverge; the gate rejects it), which strict JSON would not.
"""

import json
import math
from dataclasses import dataclass
from typing import Any

from shared.errors import SlipwayError

MAX_BYTES = 1024 * 1024


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


def parse(data: bytes, *, metric: str) -> tuple[Measured, Measured | None]:
    """Challenger and champion (None for the first model). `InvalidEvaluation` names the field that is wrong."""
    try:
        document = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InvalidEvaluation(f"evaluation.json is not JSON: {error}") from error
    if not isinstance(document, dict) or "challenger" not in document:
        raise InvalidEvaluation("evaluation.json must be an object with the key 'challenger'")
    challenger = _measured(document["challenger"], metric, "challenger")
    return challenger, _champion(document.get("champion"), metric)


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
        return Measured(value=None, metrics=champion.metrics, error=f"champion's {metric} is {champion.value}")
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
        return Measured(value=float(value), metrics=metrics)
    except OverflowError as error:
        raise InvalidEvaluation(f"evaluation.json: {who}.metrics.{metric} is beyond every float") from error
