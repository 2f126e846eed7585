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


def find_objects(client: Any, *, uri: str, data_type: str) -> list[RemoteObject]:
    """The objects of a data source, in order of their keys.

    Args:
        client: S3 client acting for the job's role.
        data_type: S3Prefix (every object whose key begins with the URI's) or ManifestFile.

    Raises:
        ValueError: a data type the embedded cloud does not cover, a malformed URI or manifest, or an unsafe key.
        ClientError: what S3 refused.
    """
    if data_type == "S3Prefix":
        return list(_by_prefix(client, S3Uri.parse(uri)))
    if data_type == "ManifestFile":
        return list(_by_manifest(client, S3Uri.parse(uri)))
    raise ValueError(f"S3DataType {data_type!r} is not covered by the embedded cloud; use S3Prefix or ManifestFile")


def shard(objects: list[RemoteObject], *, distribution: str, host: int, hosts: int) -> list[RemoteObject]:
    """The part of the objects that host number `host` (from 0) gets: all, or every n-th (ShardedByS3Key)."""
    return objects[host::hosts] if distribution == "ShardedByS3Key" else objects


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


def _by_manifest(client: Any, uri: S3Uri) -> Iterator[RemoteObject]:
    document = json.loads(client.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read())
    if (
        not isinstance(document, list)
        or not document
        or not isinstance(document[0], dict)
        or "prefix" not in document[0]
    ):
        raise ValueError(f'the manifest {uri} must be a list that begins with {{"prefix": "s3://..."}}')
    base = S3Uri.parse(document[0]["prefix"])
    for name in document[1:]:
        if not isinstance(name, str):
            raise ValueError(f"the manifest {uri} names {name!r}, which is not a relative key")
        yield RemoteObject(base.bucket, f"{base.key}{name}", relative_path(name, ""))
