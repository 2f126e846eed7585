"""Keeps a prefix of S3 equal to a folder that running containers write to.

CheckpointConfig: "Existing checkpoints in S3 are written to the container at the start of the job. Checkpoints added to
the S3 folder after the job has started are not copied to the container. If a checkpoint is deleted in the container, it
will also be deleted in the S3 folder" (developer guide, "Checkpoints in Amazon SageMaker AI"). Outputs with upload mode
Continuous go the same way, without the deletions.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.sagemaker.jobs import transfer
from localcloud.sagemaker.jobs.channels import S3Uri, find_objects
from localcloud.sagemaker.jobs.open_files import is_open_for_writing
from localcloud.sagemaker.jobs.role import RoleRefused

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 1.0
_Version = tuple[int, int, int]


class FolderSync:
    """Uploads what changes below a folder, on a thread of its own between `start` and `finish`.

    While containers run, a file is uploaded once it did not change for one interval and nobody has it open for writing,
    and from a copy: what S3 shows was a whole file at some moment.

    Args:
        client: gives an S3 client acting for the job's role.
        staging: a folder for the copies, on the same disk.
        mirror_deletions: what disappears from the folder is deleted from S3 too.
    """

    def __init__(
        self,
        client: Callable[[], Any],
        folder: Path,
        uri: S3Uri,
        *,
        staging: Path,
        kms_key: str | None = None,
        mirror_deletions: bool = False,
        interval_seconds: float = INTERVAL_SECONDS,
    ) -> None:
        self.uri = uri
        self._client = client
        self._folder = folder
        self._staging = staging
        self._kms_key = kms_key
        self._mirror_deletions = mirror_deletions
        self._interval = interval_seconds
        self._uploaded: dict[str, _Version] = {}
        self._seen: dict[str, _Version] = {}
        self._missing: set[str] = set()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"sync-{folder.name}", daemon=True)

    def download(self) -> None:
        """Puts what S3 holds into the folder; what was there counts as uploaded. Raises ClientError, OSError."""
        transfer.download(
            self._client(), find_objects(self._client(), uri=f"{self.uri}/", data_type="S3Prefix"), self._folder
        )
        self._uploaded = dict(self._versions())

    def start(self) -> None:
        """Begin to upload."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._thread.start()

    def abort(self) -> None:
        """Upload nothing more: the instance is lost."""
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join()

    def finish(self) -> None:
        """The containers have ended: upload what is left, as it is. Raises ClientError, BotoCoreError, OSError."""
        self.abort()
        current = self._versions()
        changed = [(name, version) for name, version in current.items() if self._uploaded.get(name) != version]
        transfer.for_each(changed, lambda file: self._upload(self._folder / file[0], *file))
        self._delete(self._uploaded.keys() - current.keys())

    def _run(self) -> None:
        while not self._ending.wait(self._interval):
            try:
                self.upload_settled()
            except (ClientError, BotoCoreError, OSError, RoleRefused) as error:
                # The job goes on: the next pass, at the latest the one of `finish`, tries again and says why it failed.
                log.warning("could not copy %s to %s: %s", self._folder, self.uri, error)

    def upload_settled(self) -> None:
        """One pass. Raises ClientError, BotoCoreError, OSError."""
        current = self._versions()
        for name, version in current.items():
            if self._uploaded.get(name) != version and self._seen.get(name) == version:
                self._upload_copy(name, version)
            if self._ending.is_set():
                return
        missing = self._uploaded.keys() - current.keys()
        self._delete(missing & self._missing)  # a file that is being replaced is missed for a moment
        self._seen, self._missing = current, missing

    def _upload_copy(self, name: str, version: _Version) -> None:
        path = self._folder / name
        self._staging.mkdir(parents=True, exist_ok=True)
        copy = self._staging / "copy"
        try:
            if is_open_for_writing(path):
                return
            shutil.copyfile(path, copy)
            if _version(path) == version:
                self._upload(copy, name, version)
        except FileNotFoundError:
            return  # deleted or renamed meanwhile: the next pass sees it
        finally:
            copy.unlink(missing_ok=True)

    def _upload(self, path: Path, name: str, version: _Version) -> None:
        transfer.upload_file(self._client(), path, self.uri.join(name), kms_key=self._kms_key)
        self._uploaded[name] = version

    def _delete(self, names: set[str]) -> None:
        for name in sorted(names):
            if self._mirror_deletions:
                target = self.uri.join(name)
                try:
                    self._client().delete_object(Bucket=target.bucket, Key=target.key)
                except ClientError as error:
                    # Most roles may not delete, and a checkpoint too many harms nobody.
                    log.warning("could not delete %s: %s", target, error)
            del self._uploaded[name]

    def _versions(self) -> dict[str, _Version]:
        found = {
            path.relative_to(self._folder).as_posix(): _version(path) for path in transfer.files_below(self._folder)
        }
        return {name: version for name, version in found.items() if version is not None}


def _version(path: Path) -> _Version | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino
