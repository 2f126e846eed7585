"""Which S3 objects a data source means, and where each lands in the container (S3DataSource, ProcessingS3Input)."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class S3Uri:
    """`s3://bucket/key`; the key may be empty or a prefix."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, text: str) -> S3Uri:
        """Raises ValueError for anything but an s3:// URI with a bucket."""
        scheme, _, rest = text.partition("://")
        bucket, _, key = rest.partition("/")
        if scheme != "s3" or not bucket:
            raise ValueError(f"{text!r} is not an S3 URI of the form s3://bucket/key")
        return cls(bucket, key)

    def join(self, *parts: str) -> S3Uri:
        return S3Uri(self.bucket, "/".join([*([self.key.rstrip("/")] if self.key else []), *parts]))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class RemoteObject:
    """An object and its path relative to the folder of its channel."""

    bucket: str
    key: str
    relative: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def find_objects(client: Any, *, uri: str, data_type: str) -> list[RemoteObject]:
    """The objects of a data source, in order of their keys.

    Args:
        client: S3 client acting for the job's role.
        data_type: S3Prefix (every object whose key begins with the URI's) or ManifestFile.

    Raises:
        ValueError: another data type, a malformed URI or manifest, or an unsafe key.
        ClientError: what S3 refused.
    """
    if data_type == "S3Prefix":
        return list(_by_prefix(client, S3Uri.parse(uri)))
    if data_type == "ManifestFile":
        return _by_manifest(client, S3Uri.parse(uri))
    raise ValueError(f"S3DataType {data_type!r} is not a list of objects; use S3Prefix or ManifestFile")


def check_files(objects: list[RemoteObject]) -> None:
    """Raises ValueError where the objects cannot all be files of one folder, in SageMaker's words."""
    files = {found.relative: found for found in objects}
    for found in objects:
        parts = found.relative.split("/")
        folder = next((f for n in range(1, len(parts)) if (f := "/".join(parts[:n])) in files), None)
        if folder is not None:
            raise ValueError(
                "Please check your s3 objects and ensure that there is no object that is both a folder as well as a"
                f" file: {files[folder].uri} and {found.uri}"
            )


def relative_path(key: str, prefix: str) -> str:
    """Where an object found by `prefix` lands: below the prefix when that is a folder or the start of one,
    otherwise below the prefix's last folder; the object itself when the prefix is its whole key.

    Raises ValueError where the key would leave the channel's folder.
    """
    if prefix and key.startswith(f"{prefix.rstrip('/')}/"):
        relative = key[len(prefix.rstrip("/")) + 1 :]
    else:
        relative = key[prefix.rfind("/") + 1 :]
    relative = relative.lstrip("/")
    if ".." in relative.split("/") or not posixpath.normpath(relative).strip("."):
        raise ValueError(f"the key {key!r} does not name a file inside its channel")
    return relative


def _by_prefix(client: Any, uri: S3Uri) -> Iterator[RemoteObject]:
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=uri.bucket, Prefix=uri.key):
        for entry in page.get("Contents", []):
            if not entry["Key"].endswith("/"):  # the console's empty objects that stand for folders
                yield RemoteObject(uri.bucket, entry["Key"], relative_path(entry["Key"], uri.key))


def read_text(client: Any, uri: S3Uri) -> str:
    """The text of a manifest. Raises ValueError where it is not UTF-8; ClientError."""
    body = client.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read()
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"the manifest {uri} is not UTF-8: {error}") from error


def read_json(text: str, where: str) -> Any:
    """Raises ValueError that says where the text stands."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is not valid JSON: {error}") from error


def _by_manifest(client: Any, uri: S3Uri) -> list[RemoteObject]:
    """`[{"prefix": "s3://bucket/base/"}, "relative/key", ...]`; every object lands at its relative key."""
    document = read_json(read_text(client, uri), f"the manifest {uri}")
    if not isinstance(document, list) or not document or not _is_header(document[0]):
        raise ValueError(f'the manifest {uri} must be a list that begins with {{"prefix": "s3://..."}}')
    base = S3Uri.parse(document[0]["prefix"])
    return [_manifest_entry(uri, base, index, name) for index, name in enumerate(document[1:], 1)]


def _is_header(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("prefix"), str)


def _manifest_entry(uri: S3Uri, base: S3Uri, index: int, name: Any) -> RemoteObject:
    if not isinstance(name, str):
        raise ValueError(f"entry {index} of the manifest {uri} is {name!r}, not a relative key")
    try:
        return RemoteObject(base.bucket, f"{base.key}{name}", relative_path(name, ""))
    except ValueError as error:
        raise ValueError(f"entry {index} of the manifest {uri}: {error}") from error
