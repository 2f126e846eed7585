"""Moving files between a container's folder and S3 with the job's role."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from s3transfer.manager import TransferManager

from localcloud.sagemaker.jobs.channels import RemoteObject, S3Uri

T = TypeVar("T")
_PARALLEL = 4
_CHUNK = 1 << 20
_LARGEST_PUT = 8 << 20  # what is larger goes in parts


def download(client: Any, objects: Iterable[RemoteObject], folder: Path) -> None:
    """Downloads every object to its relative path below `folder`. Raises ClientError, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for_each(objects, lambda found: download_object(client, found.bucket, found.key, folder / found.relative))


def for_each(objects: Iterable[T], action: Callable[[T], None]) -> None:
    """Several objects at a time. Raises what `action` raised first, in the order of the objects."""
    objects = list(objects)
    if len(objects) <= 1:
        for found in objects:
            action(found)
        return
    with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="transfer") as pool:
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
    if path.stat().st_size <= _LARGEST_PUT:
        with path.open("rb") as file:
            client.put_object(Bucket=uri.bucket, Key=uri.key, Body=file, **_encryption(kms_key))
        return
    with TransferManager(client) as manager:
        manager.upload(str(path), uri.bucket, uri.key, extra_args=_encryption(kms_key)).result()


def files_below(folder: Path) -> list[Path]:
    """The regular files below a folder, sorted by their paths; none when the folder is absent.

    What a container has made unreadable is given back to its owner, as SageMaker reads it: as root.
    Raises OSError for what belongs to somebody else.
    """
    found = []
    for parent, folders, names in os.walk(folder, onerror=_unless_gone):
        for name in folders:
            _make_readable(Path(parent, name), os.R_OK | os.X_OK)
        for path in (Path(parent, name) for name in names):
            if path.is_file() and not path.is_symlink():
                _make_readable(path, os.R_OK)
                found.append(path)
    return sorted(found)


def _make_readable(path: Path, access: int) -> None:
    if not path.is_symlink() and path.exists() and not os.access(path, access):
        path.chmod(stat.S_IMODE(path.stat().st_mode) | access << 6)


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _encryption(kms_key: str | None) -> dict[str, str]:
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
