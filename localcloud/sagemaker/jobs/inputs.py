"""The input data of one job's containers: files are there before a container starts, pipes are fed while it runs."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.sagemaker.jobs import channels, failures, transfer
from localcloud.sagemaker.jobs.channels import RemoteObject
from localcloud.sagemaker.jobs.data_source import DataSource, Record
from localcloud.sagemaker.jobs.failures import JobFailure
from localcloud.sagemaker.jobs.pipe import PipeFeeder
from localcloud.sagemaker.jobs.role import Role
from localcloud.sagemaker.jobs.stream import UnreadableObject, stream

log = logging.getLogger(__name__)

_ERRORS = (ClientError, BotoCoreError, ValueError, OSError)
Epoch = Callable[[int], Generator[bytes, None, None]]


class JobInputs:
    """Places the data of a job's hosts; `failure` is what went wrong while a pipe was fed, if anything."""

    def __init__(self, role: Role) -> None:
        self._role = role
        self._pipes: dict[Path, Epoch] = {}
        self._records: dict[DataSource, list[Record]] = {}
        self.failure: JobFailure | None = None

    def place(self, source: DataSource, folder: Path, *, host: int, hosts: int) -> None:
        """Puts the part of host number `host` (from 0, of `hosts`) at `folder`, or prepares its pipes `<folder>_<n>`.

        FastFile is downloaded too: the same files at the same paths, only earlier than on AWS.

        Raises JobFailure with SageMaker's reason.
        """
        records = self._records_of(source)
        if source.mode == "Pipe":
            client = self._role.client("s3")
            self._pipes[folder] = lambda epoch: stream(
                client, source, source.part(records, epoch=epoch, host=host, hosts=hosts)
            )
            return
        part = source.part(records, epoch=0, host=host, hosts=hosts)
        # A manifest may name an object twice; it is one file.
        self._download(source, list(dict.fromkeys(found for record in part for found in record)), folder)

    @contextlib.contextmanager
    def feeding(self, on_failure: Callable[[], None]) -> Iterator[None]:
        """Feeds the pipes, from epoch 0, while the context lasts; `on_failure` is to end the containers."""
        with contextlib.ExitStack() as feeders:
            for folder, epoch in self._pipes.items():
                feeder = PipeFeeder(folder, epoch, partial(self._report, on_failure))
                feeders.callback(feeder.close)
            yield

    def _records_of(self, source: DataSource) -> list[Record]:
        """Listed once a job: hosts that saw different lists would not have disjoint and complete shards."""
        if source not in self._records:
            try:
                records = source.records(self._role.client("s3"))
                if not records:
                    raise ValueError(failures.no_objects(source.uri, self._role.arn))
            except _ERRORS as error:
                raise self._failed(error, source.uri) from error
            self._records[source] = records
        return self._records[source]

    def _download(self, source: DataSource, objects: list[RemoteObject], folder: Path) -> None:
        def fetch(found: RemoteObject) -> None:
            try:
                transfer.download_object(client, found.bucket, found.key, folder / found.relative)
            except _ERRORS as error:
                raise self._failed(error, found.uri) from error

        client = self._role.client("s3")
        folder.mkdir(parents=True, exist_ok=True)
        try:
            channels.check_files(objects)
        except ValueError as error:
            raise self._failed(error, source.uri) from error
        transfer.for_each(objects, fetch)

    def _report(self, on_failure: Callable[[], None], error: Exception) -> None:
        if isinstance(error, UnreadableObject):
            self.failure = self.failure or self._failed(error.cause, error.uri)
        else:
            log.error("a pipe could not be fed", exc_info=error)
            self.failure = self.failure or JobFailure(f"{failures.INTERNAL} ({type(error).__name__}: {error})")
        on_failure()

    def _failed(self, error: Exception, uri: str) -> JobFailure:
        return failures.download_failed(error, uri=uri, role_arn=self._role.arn)
