"""What data capture writes to S3: for endpoints one record a request, for transform jobs lists of the objects.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-batch.html
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_EVENT_VERSION = "0"


@dataclass(frozen=True, kw_only=True)
class TextTypes:
    """The content types that are captured as text (CaptureContentTypeHeader); all others are captured as base64."""

    csv: frozenset[str] = frozenset()
    json: frozenset[str] = frozenset()

    @classmethod
    def from_request(cls, header: Mapping[str, Sequence[str]] | None) -> TextTypes:
        """From the ``CaptureContentTypeHeader`` of a DataCaptureConfig; without one, everything is base64."""
        header = header or {}
        return cls(
            csv=frozenset(map(_media_type, header.get("CsvContentTypes", ()))),
            json=frozenset(map(_media_type, header.get("JsonContentTypes", ()))),
        )

    def encoding(self, content_type: str) -> str:
        """CSV, JSON or BASE64. Parameters of the content type (``; charset=utf-8``) do not count."""
        media_type = _media_type(content_type)
        if media_type in self.csv:
            return "CSV"
        return "JSON" if media_type in self.json else "BASE64"


@dataclass(frozen=True, kw_only=True)
class Payload:
    """The body of a request or of its answer."""

    content_type: str
    body: bytes


def encode_record(
    *,
    moment: datetime,
    types: TextTypes,
    request: Payload | None = None,
    response: Payload | None = None,
    inference_id: str | None = None,
    custom_attributes: str | None = None,
    event_id: str | None = None,
) -> bytes:
    """One captured inference as one JSON line, its line end included.

    Args:
        moment: of the inference, aware UTC.
        request, response: those that the CaptureOptions ask for.
        inference_id: what the caller sent as InferenceId.
        custom_attributes: what the caller sent as CustomAttributes.
        event_id: a new one when not given.
    """
    data = {}
    if request is not None:
        data["endpointInput"] = _captured(request, "INPUT", types)
    if response is not None:
        data["endpointOutput"] = _captured(response, "OUTPUT", types)
    metadata: dict[str, Any] = {"eventId": event_id or str(uuid.uuid4())}
    if custom_attributes is not None:
        metadata["customAttributes"] = [custom_attributes]
    if inference_id is not None:
        metadata["inferenceId"] = inference_id
    metadata["inferenceTime"] = format_time(moment)
    record = {"captureData": data, "eventMetadata": metadata, "eventVersion": _EVENT_VERSION}
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def encode_manifest(prefix: str, keys: Iterable[str]) -> bytes:
    """The objects that a transform job read, or wrote: ``s3://bucket/prefix/`` and their keys relative to it."""
    return json.dumps([{"prefix": prefix}, *keys]).encode()


def object_name(moment: datetime, *, suffix: str = "jsonl") -> str:
    """The name of a new capture object below its destination: ``yyyy/mm/dd/hh/MM-SS-mmm-<uuid>.<suffix>``.

    Args:
        moment: of the first thing captured, aware UTC: Model Monitor selects by the hour.
    """
    return f"{moment:%Y/%m/%d/%H/%M-%S}-{moment.microsecond // 1000:03d}-{uuid.uuid4()}.{suffix}"


def format_time(moment: datetime) -> str:
    """The inferenceTime of a record: whole seconds, UTC."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _captured(payload: Payload, mode: str, types: TextTypes) -> dict[str, str]:
    encoding = types.encoding(payload.content_type)
    text = _as_text(payload.body) if encoding != "BASE64" else None
    if text is None:  # not a text type, or a body that is not what its content type says
        encoding, text = "BASE64", base64.b64encode(payload.body).decode("ascii")
    return {"observedContentType": payload.content_type, "mode": mode, "data": text, "encoding": encoding}


def _as_text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()
