"""The two formats that DataProcessing understands, as lists of records: rows of CSV, and JSON documents."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

INPUT_KEY, OUTPUT_KEY = "SageMakerInput", "SageMakerOutput"
INFERENCE_ID_KEY, INFERENCE_TIME_KEY = "SageMakerInferenceId", "SageMakerInferenceTime"

# Python's own limit of 128 KiB a field is for parsers of unknown sources; here MaxPayloadInMB is the limit.
csv.field_size_limit(1 << 30)
_JSON_TYPES = ("application/json", "application/jsonlines", "application/x-jsonlines")


class FormatError(ValueError):
    """The bytes are not in the format that their content type says."""


class Format(Protocol):
    """How records are read, written and put beside each other. A record is a JSON value."""

    def decode(self, body: bytes, count: int | None = None) -> list[Any]:
        """The records of a body. ``count`` is how many there should be, where known. Raises FormatError."""
        ...

    def encode(self, records: Sequence[Any]) -> bytes:
        """The body of these records; where there may be several, every one is ended by a line end."""
        ...

    def join(self, record: Any, answer: Any) -> Any:
        """JoinSource Input: the record with its answer."""
        ...

    def label(self, record: Any, inference_id: str, moment: str) -> Any:
        """GenerateInferenceId: the record with its id and its time."""
        ...


class Csv:
    """A record is the list of a row's texts."""

    def decode(self, body: bytes, count: int | None = None) -> list[Any]:
        try:
            return [row for row in csv.reader(io.StringIO(body.decode(), newline="")) if row]
        except (UnicodeDecodeError, csv.Error) as error:
            raise FormatError(f"Failed to parse as CSV: {error}") from error

    def encode(self, records: Sequence[Any]) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows(record if isinstance(record, list) else [record] for record in records)
        return text.getvalue().encode()

    def join(self, record: Any, answer: Any) -> Any:
        return [*record, *answer]

    def label(self, record: Any, inference_id: str, moment: str) -> Any:
        return [*(record if isinstance(record, list) else [record]), inference_id, moment]


@dataclass(frozen=True)
class Json:
    """A record is a document: one a line, or with ``lines`` false the whole body."""

    lines: bool

    def decode(self, body: bytes, count: int | None = None) -> list[Any]:
        if not self.lines or count == 1:
            return [_parse(body)]
        return [_parse(line) for line in body.splitlines() if line.strip()]

    def encode(self, records: Sequence[Any]) -> bytes:
        end = "\n" if self.lines else ""
        texts = (json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in records)
        return "".join(f"{text}{end}" for text in texts).encode()

    def join(self, record: Any, answer: Any) -> Any:
        if isinstance(record, dict):
            return {**record, OUTPUT_KEY: answer}
        return {INPUT_KEY: record, OUTPUT_KEY: answer}

    def label(self, record: Any, inference_id: str, moment: str) -> Any:
        labelled = record if isinstance(record, dict) else {OUTPUT_KEY: record}
        return {**labelled, INFERENCE_ID_KEY: inference_id, INFERENCE_TIME_KEY: moment}


def format_of(content_type: str, split_type: str) -> Format | None:
    """The format of a content type, None for one that DataProcessing does not understand."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "text/csv":
        return Csv()
    if media_type in _JSON_TYPES:
        return Json(lines=split_type == "Line" or media_type != "application/json")
    return None


def _parse(text: bytes) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        shown = text[:80].decode("utf-8", errors="replace")
        raise FormatError(f"Failed to parse as JSON: {shown!r}: {error}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
