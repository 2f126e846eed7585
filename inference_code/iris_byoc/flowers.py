"""Requests -> rows of numbers; predictions -> answers. CSV and JSON, in and out."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence

CSV, JSON = "text/csv", "application/json"


class InvalidRequest(ValueError):
    """The client's fault; the message names the row and the column."""


class UnsupportedMediaType(ValueError):
    """A content type that is not read here."""


def instances(body: bytes, content_type: str, features: Sequence[str]) -> list[list[float]]:
    """Rows in the order of `features`. Raises InvalidRequest, UnsupportedMediaType.

    CSV: with a header line, columns are taken by name and others (such as an Id) left out; without one, a row has
    exactly the features. JSON: `{"instances": [...]}`, each a list of numbers or an object by the features' names.
    """
    if content_type not in (CSV, JSON):
        raise UnsupportedMediaType(f"{content_type} is not read here: allowed: {CSV}, {JSON}")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"the body is not UTF-8: {error}") from error
    rows = _of_csv(text, features) if content_type == CSV else _of_json(text, features)
    if not rows:
        raise InvalidRequest("the request has no rows")
    return rows


def render(predictions: Sequence[str], accept: str) -> tuple[str, bytes]:
    """Content type and body; JSON unless the client asks for CSV first."""
    if accept.split(",")[0].split(";")[0].strip().lower() != CSV:
        return JSON, json.dumps({"predictions": list(predictions)}).encode()
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([prediction] for prediction in predictions)
    return f"{CSV}; charset=utf-8", text.getvalue().encode()


def _of_csv(text: str, features: Sequence[str]) -> list[list[float]]:
    lines = [[field.strip() for field in row] for row in csv.reader(io.StringIO(text)) if row]
    names = list(features)
    if lines and set(features) <= set(lines[0]):
        names = lines.pop(0)
    return [_named(f"row {number}", _cells(number, row, names), features) for number, row in enumerate(lines, start=1)]


def _cells(number: int, row: list[str], names: list[str]) -> dict[str, str]:
    if len(row) != len(names):
        raise InvalidRequest(f"row {number}: {len(row)} columns: expected {len(names)}: {', '.join(names)}")
    return dict(zip(names, row, strict=True))


def _of_json(text: str, features: Sequence[str]) -> list[list[float]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"the body is not JSON: {error}") from error
    found = document.get("instances") if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise InvalidRequest('expected {"instances": [...]}')
    return [_instance(f"instances[{index}]", instance, features) for index, instance in enumerate(found)]


def _instance(place: str, instance: object, features: Sequence[str]) -> list[float]:
    if isinstance(instance, dict):
        return _named(place, instance, features)
    if not isinstance(instance, list) or len(instance) != len(features):
        raise InvalidRequest(f"{place}: expected {len(features)} numbers: {', '.join(features)}")
    return _named(place, dict(zip(features, instance, strict=True)), features)


def _named(place: str, cells: dict[str, object], features: Sequence[str]) -> list[float]:
    return [_number(place, name, cells.get(name)) for name in features]


def _number(place: str, name: str, value: object) -> float:
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError
        number = float(value)
        if not math.isfinite(number):
            raise ValueError
    except (ValueError, OverflowError):
        raise InvalidRequest(f"{place}, {name}: {str(value)[:40]!r} is not a finite number") from None
    return number
