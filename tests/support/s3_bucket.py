"""The calls of S3 that reading input data makes, over a dictionary."""

from __future__ import annotations

import hashlib
import io
from typing import Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody


class Bucket:
    """One bucket, whatever name it is called by; `reads` counts the objects' reads."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = objects
        self.reads: list[str] = []

    def get_paginator(self, _: str) -> Bucket:
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:
        found = [{"Key": key} for key in sorted(self.objects) if key.startswith(Prefix)]
        return [{"Contents": found[:2]}, {"Contents": found[2:]}] if found else [{}]

    def get_object(self, *, Bucket: str, Key: str, Range: str = "", IfMatch: str = "") -> dict[str, Any]:
        self.reads.append(Key)
        if Key not in self.objects:
            raise _refused("NoSuchKey", "The specified key does not exist.")
        content = self.objects[Key]
        etag = hashlib.sha256(content).hexdigest()
        if IfMatch not in ("", etag):
            raise _refused("PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        if Range:
            first, last = map(int, Range.removeprefix("bytes=").split("-"))
            content = content[first : last + 1]
        return {"Body": StreamingBody(io.BytesIO(content), len(content)), "ContentLength": len(content), "ETag": etag}


def _refused(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "GetObject")
