"""Moving files between a container's folder and S3 with the job's role."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from s3transfer.manager import TransferManager

from localcloud.sagemaker.jobs.channels import RemoteObject, S3Uri

_PARALLEL = 4
_CHUNK = 1 << 20


def download(client: Any, objects: Iterable[RemoteObject], folder: Path) -> None:
    """Downloads every object to its relative path below `folder`. Raises ClientError, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for_each(objects, lambda found: download_object(client, found.bucket, found.key, folder / found.relative))


def for_each(objects: Iterable[RemoteObject], action: Callable[[RemoteObject], None]) -> None:
    """Several objects at a time. Raises what `action` raised first, in the order of the objects."""
    objects = list(objects)
    if len(objects) == 1:
        action(objects[0])
        return
    with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="download") as pool:
        try:
            for _ in pool.map(action, objects):
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def download_object(client: Any, bucket: str, key: str, path: Path) -> None:
    """Streams one object into a file; a body that ends early raises (botocore checks its length)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = client.get_object(Bucket=bucket, Key=key)["Body"]
    with path.open("wb") as file:
        for chunk in body.iter_chunks(_CHUNK):
            file.write(chunk)


def upload_file(client: Any, path: Path, uri: S3Uri, *, kms_key: str | None) -> None:
    """Uploads one file, in parts when it is large, encrypted with `kms_key` where given. Raises ClientError."""
    with TransferManager(client) as manager:
        manager.upload(str(path), uri.bucket, uri.key, extra_args=_encryption(kms_key)).result()


def files_below(folder: Path) -> list[Path]:
    """The regular files below a folder, sorted by their paths; none when the folder is absent."""
    found = []
    for parent, _, names in os.walk(folder):
        found += [path for name in names if (path := Path(parent, name)).is_file() and not path.is_symlink()]
    return sorted(found)


def _encryption(kms_key: str | None) -> dict[str, str]:
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
