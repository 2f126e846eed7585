"""Labels that came later, joined with captured answers by inference id."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monitoring.records import Record


def read_labels(folder: Path) -> tuple[dict[str, list[Any]], int]:
    """Inference id -> labels, one a row of the request, out of lines `{"inference_id", "label"}` (a list for a request
    of several rows); and how many lines were not readable. Of two for one id, the one in the later file counts.
    """
    labels: dict[str, list[Any]] = {}
    unreadable = 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        for line in path.read_text("utf-8", "replace").splitlines():
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
                label = entry["label"]
                labels[str(entry["inference_id"])] = label if isinstance(label, list) else [label]
            except (ValueError, LookupError, TypeError):
                unreadable += 1
    return labels, unreadable


def measure(
    records: Sequence[Record], labels: dict[str, list[Any]], metric: str, field: str | None
) -> dict[str, Any] | None:
    """`metric` (accuracy or mae) over all captured rows with a label; None when there is none."""
    pairs = [
        (_answer(prediction, field), label)
        for record in records
        if record.inference_id in labels and len(labels[record.inference_id]) == len(record.predictions)
        for prediction, label in zip(record.predictions, labels[record.inference_id])
    ]
    if not pairs:
        return None
    value = _accuracy(pairs) if metric == "accuracy" else _mean_absolute_error(pairs)
    return {"metric": metric, "value": value, "labelled_rows": len(pairs)}


def _answer(prediction: Any, field: str | None) -> Any:
    """What is compared with the label. Raises ValueError where a prediction is an object and no field was named."""
    if not isinstance(prediction, dict):
        return prediction
    if field is None or field not in prediction:
        raise ValueError(
            f"predictions are objects with the keys {', '.join(prediction)}: name one of them in"
            f" monitoring.quality.field (now: {field})"
        )
    return prediction[field]


def _accuracy(pairs: Sequence[tuple[Any, Any]]) -> float:
    """Text and number of the same writing are the same: CSV knows text only."""
    return sum(answer == label or str(answer) == str(label) for answer, label in pairs) / len(pairs)


def _mean_absolute_error(pairs: Sequence[tuple[Any, Any]]) -> float:
    return sum(abs(float(answer) - float(label)) for answer, label in pairs) / len(pairs)
