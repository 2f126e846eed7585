"""Captured requests and answers, as data capture writes them: JSON Lines, one inference a line.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

JSON, JSON_LINES, CSV = "application/json", "application/jsonlines", "text/csv"


@dataclass(frozen=True)
class Record:
    """One captured inference. `time`: ISO 8601, UTC, whole seconds. `instances` and `predictions` are parallel where
    the model answers row by row; of a body in another format nothing is known but its size.
    """

    event_id: str
    inference_id: str | None
    time: str
    instances: list[Any]
    predictions: list[Any]


def read(folder: Path) -> Iterator[Record | None]:
    """The records of all files below `folder`, in the order of the files' names, which begin with the time; None for a
    line that is not readable.
    """
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.strip():
                    yield _record(line)


def _record(line: str) -> Record | None:
    try:
        return parse(json.loads(line))
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def parse(line: dict[str, Any]) -> Record:
    """Raises ValueError, LookupError or TypeError for a line of another shape."""
    metadata, data = line["eventMetadata"], line["captureData"]
    return Record(
        event_id=metadata["eventId"],
        inference_id=metadata.get("inferenceId"),
        time=metadata["inferenceTime"],
        instances=list(_rows(data["endpointInput"], "instances", "inputs")),
        predictions=list(_rows(data["endpointOutput"], "predictions")) if "endpointOutput" in data else [],
    )


def _rows(captured: dict[str, Any], *wrappers: str) -> Iterable[Any]:
    """The rows of one body; `wrappers` are the keys of a JSON object that may hold them."""
    kind = captured.get("observedContentType", "").partition(";")[0].strip().lower()
    body = captured["data"].encode() if captured["encoding"] != "BASE64" else base64.b64decode(captured["data"])
    if kind == JSON:
        return _json_rows(json.loads(body), wrappers)
    if kind == JSON_LINES:
        return [json.loads(line) for line in body.splitlines() if line.strip()]
    if kind == CSV:
        header = "header=present" in captured["observedContentType"].replace(" ", "").lower()
        return _csv_rows(body.decode(), header)
    return [{"body_bytes": len(body)}]


def _json_rows(document: Any, wrappers: tuple[str, ...]) -> list[Any]:
    for name in wrappers:
        if isinstance(document, dict) and name in document:
            found = document[name]
            return found if isinstance(found, list) else [found]
    return document if isinstance(document, list) else [document]


def _csv_rows(text: str, header: bool) -> Iterator[Any]:
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    if header:
        return (dict(zip(rows[0], row)) for row in rows[1:])
    # A row of one cell is that cell: an answer is mostly one.
    return (row if len(row) > 1 else row[0] for row in rows)
