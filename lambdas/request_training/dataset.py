"""A data set as it lies in the bucket: its current objects, whether its channels are complete, what its request.json
asks for.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from shared import strict_json
from shared.errors import InvalidDocument, SlipwayError
from shared.names import DATASET, IMPORTED_MODEL
from shared.storage import read_small

from request_training.events import REQUEST_FILE

MAX_VERSIONS_LISTED = 20_000
MAX_OBJECTS_SEARCHED = 50_000
MAX_REQUEST_BYTES = 64 * 1024


class DataSetTooLarge(SlipwayError):
    """A data set of so many objects that a run's input could not carry them."""


@dataclass(frozen=True)
class StoredObject:
    """The current version of an object; `size` in bytes, `etag` without quotes."""

    key: str
    version_id: str
    size: int
    etag: str


@dataclass(frozen=True)
class Request:
    """What a run is to do: hyperparameters as text, and the model that it takes instead of training one.

    `objects`: how many files of channels there must be before it starts.
    """

    hyperparameters: dict[str, str] = field(default_factory=dict)
    imported_model: str | None = None
    objects: int = 0


def current_objects(s3: Any, *, bucket: str, prefix: str, channels: dict[str, list[str]]) -> list[StoredObject]:
    """The current versions under the data set's `prefix`: request.json and the files of the channels, by key.

    ListObjectVersions, because ListObjectsV2 tells no version ids; a deleted object has no current version there.
    """
    found: list[StoredObject] = []
    listed = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        versions = page.get("Versions", [])
        listed += len(versions)
        if listed > MAX_VERSIONS_LISTED:
            raise DataSetTooLarge(
                f"s3://{bucket}/{prefix} holds more than {MAX_VERSIONS_LISTED} object versions: "
                "pack the files into archives"
            )
        found += [_stored(v) for v in versions if v["IsLatest"] and _belongs(v["Key"].removeprefix(prefix), channels)]
    return found


def newest(s3: Any, *, bucket: str, prefix: str, channels: dict[str, list[str]]) -> str | None:
    """The data set below the workload's `prefix` that is complete by its files and holds the newest object; None when
    there is none.
    """
    datasets: dict[str, list[StoredObject]] = defaultdict(list)
    written: dict[str, datetime] = {}
    for listed, version in enumerate(_current(s3, bucket, prefix), start=1):
        if listed > MAX_OBJECTS_SEARCHED:
            raise DataSetTooLarge(f"s3://{bucket}/{prefix} holds too many objects to search: name the data set")
        name, _, file = version["Key"].removeprefix(prefix).partition("/")
        if DATASET.fullmatch(name) and _belongs(file, channels):
            datasets[name].append(_stored(version))
            written[name] = max(version["LastModified"], written.get(name, version["LastModified"]))
    for name in sorted(written, key=lambda name: written[name], reverse=True):
        if not missing_files(datasets[name], prefix=f"{prefix}{name}/", channels=channels):
            return name
    return None


def _current(s3: Any, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    """The current versions, as ListObjectVersions lists them."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        yield from (version for version in page.get("Versions", []) if version["IsLatest"])


def _stored(version: dict[str, Any]) -> StoredObject:
    return StoredObject(version["Key"], version["VersionId"], version["Size"], version["ETag"].strip('"'))


def _belongs(name: str, channels: dict[str, list[str]]) -> bool:
    channel, _, file = name.partition("/")
    return name == REQUEST_FILE or (channel in channels and bool(file) and not file.endswith("/"))


def missing_files(objects: list[StoredObject], *, prefix: str, channels: dict[str, list[str]]) -> list[str]:
    """`channel/pattern` for every pattern of the manifest that no object matches; empty for a complete data set."""
    names = [item.key.removeprefix(prefix) for item in objects]
    wanted = [f"{channel}/{pattern}" for channel, patterns in sorted(channels.items()) for pattern in patterns]
    return [pattern for pattern in wanted if not any(fnmatchcase(name, pattern) for name in names)]


def requested(s3: Any, *, bucket: str, prefix: str, objects: list[StoredObject]) -> Request:
    """What the data set's request.json asks for; nothing of its own without one. `InvalidDocument` says what is wrong
    with it.
    """
    request = next((item for item in objects if item.key == prefix + REQUEST_FILE), None)
    if request is None:
        return Request()
    data = read_small(s3, bucket=bucket, key=request.key, version_id=request.version_id, limit=MAX_REQUEST_BYTES)
    try:
        return parse_request(data)
    except ValueError as error:
        raise InvalidDocument(f"s3://{bucket}/{request.key}: {error}") from error


def parse_request(data: bytes) -> Request:
    """The request in `{"hyperparameters": {name: scalar}, "imported_model": name, "objects": number}`, each key
    optional; `ValueError` for any other document.
    """
    document = strict_json.loads(data)
    if not isinstance(document, dict):
        raise ValueError(f"must be a JSON object, found {type(document).__name__}")
    unknown = sorted(document.keys() - {"hyperparameters", "imported_model", "objects"})
    if unknown:
        raise ValueError(f"unknown key {unknown[0][:64]!r}; allowed: 'hyperparameters', 'imported_model', 'objects'")
    values = document.get("hyperparameters", {})
    if not isinstance(values, dict):
        raise ValueError(f"hyperparameters must be a JSON object, found {type(values).__name__}")
    texts = {name: _text(name, value) for name, value in values.items()}
    return Request(texts, _imported_model(document), _objects(document))


def missing_objects(objects: list[StoredObject], *, prefix: str, request: Request) -> list[str]:
    """What is still to come of as many files as the request announces, in words; empty when all are there."""
    there = sum(item.key != prefix + REQUEST_FILE for item in objects)
    return [f"{request.objects - there} of {request.objects} files"] if there < request.objects else []


def _objects(document: dict[str, Any]) -> int:
    count = document.get("objects", 0)
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise ValueError("objects must be a number of files, 0 or more")
    return count


def _imported_model(document: dict[str, Any]) -> str | None:
    if "imported_model" not in document:
        return None
    name = document["imported_model"]
    if not isinstance(name, str) or not IMPORTED_MODEL.fullmatch(name):
        raise ValueError(f"imported_model {str(name)[:64]!r} does not match {IMPORTED_MODEL.pattern}")
    return name


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError(
        f"hyperparameter {name[:64]!r} must be a string, a number or a boolean, found {type(value).__name__}"
    )
