"""One S3 object as a file that is read forward."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from localcloud.sagemaker.jobs.channels import RemoteObject

# Large, because a range costs the embedded S3 a reading of the whole object.
_BLOCK = 1 << 25


class ObjectReader(io.RawIOBase):
    """Reads block by block: while nobody reads on, no answer of S3 stays open and one block is in memory.

    Attributes:
        length: of the object, in bytes.

    Raises ClientError, also where the object is replaced while it is read (PreconditionFailed), and BotoCoreError.
    """

    def __init__(self, client: Any, found: RemoteObject, block: int = _BLOCK) -> None:
        super().__init__()
        self._client, self._found, self._block_bytes = client, found, block
        answer = client.get_object(Bucket=found.bucket, Key=found.key)
        self.length: int = answer["ContentLength"]
        self._etag = answer["ETag"]
        with contextlib.closing(answer["Body"]) as body:
            self._block = memoryview(body.read(block))
        self._fetched = len(self._block)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._block and self._fetched < self.length:
            self._fetch()
        count = min(len(buffer), len(self._block))
        buffer[:count] = self._block[:count]
        self._block = self._block[count:]
        return count

    def _fetch(self) -> None:
        last = min(self._fetched + self._block_bytes, self.length) - 1
        answer = self._client.get_object(
            Bucket=self._found.bucket,
            Key=self._found.key,
            Range=f"bytes={self._fetched}-{last}",
            IfMatch=self._etag,
        )
        with contextlib.closing(answer["Body"]) as body:
            self._block = memoryview(body.read())
        self._fetched += len(self._block)
