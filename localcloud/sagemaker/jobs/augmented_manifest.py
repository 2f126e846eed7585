"""Augmented manifest files: objects and their metadata, one record a line of JSON.

https://docs.aws.amazon.com/sagemaker/latest/dg/augmented-manifest-stream.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from localcloud.sagemaker.jobs.channels import RemoteObject, S3Uri, read_json, read_text

_REFERENCE = "-ref"
_SHOWN = 80


def read_augmented_manifest(
    client: Any, uri: S3Uri, attributes: Sequence[str]
) -> list[tuple[RemoteObject | bytes, ...]]:
    """One record a line: for each attribute, in the order given, the object that `<name>-ref` names or the value.

    A value that is text is streamed as it stands, any other as JSON.

    Raises ValueError naming the manifest, the line and what is wrong with it; ClientError.
    """
    lines = read_text(client, uri).split("\n")
    return [_record(uri, number, line, attributes) for number, line in enumerate(lines, 1) if line.strip()]


def _record(uri: S3Uri, number: int, line: str, attributes: Sequence[str]) -> tuple[RemoteObject | bytes, ...]:
    where = f"line {number} of the augmented manifest {uri}"
    document = read_json(line, where)
    if not isinstance(document, dict):
        raise ValueError(f"{where} is not a JSON object: {line[:_SHOWN]}")
    missing = [name for name in attributes if name not in document]
    if missing:
        raise ValueError(f"{where} lacks the attribute {missing[0]!r} of AttributeNames: {line[:_SHOWN]}")
    return tuple(_value(where, name, document[name]) for name in attributes)


def _value(where: str, name: str, value: Any) -> RemoteObject | bytes:
    if not name.endswith(_REFERENCE):
        return (value if isinstance(value, str) else json.dumps(value)).encode()
    try:
        place = S3Uri.parse(value) if isinstance(value, str) else None
    except ValueError:
        place = None
    if place is None or not place.key:
        raise ValueError(f"{where}: the attribute {name!r} is {value!r}, not an S3 URI of an object")
    return RemoteObject(place.bucket, place.key, place.key.rsplit("/", 1)[-1])
