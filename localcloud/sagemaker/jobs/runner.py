"""What all jobs have in common: a role, containers with logs, an end."""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.config import Config
from localcloud.containers import isolation
from localcloud.containers.cleanup import remove_folder
from localcloud.containers.container import Container, ContainerStartError
from localcloud.containers.log_stream import LogStream
from localcloud.containers.network import NOT_ISOLATED, NetworkUnavailable, PrivateNetwork
from localcloud.containers.spec import ContainerSpec
from localcloud.sagemaker.jobs import failures, transfer
from localcloud.sagemaker.jobs.failures import JobFailure
from localcloud.sagemaker.jobs.folder_sync import FolderSync
from localcloud.sagemaker.jobs.group import ContainerGroup, Outcome
from localcloud.sagemaker.jobs.inputs import JobInputs
from localcloud.sagemaker.jobs.metric_history import MetricHistory
from localcloud.sagemaker.jobs.record import Record
from localcloud.sagemaker.jobs.role import Role, RoleRefused
from localcloud.sagemaker.jobs.warm_pools import WarmPools

if TYPE_CHECKING:
    from localcloud.images import Image, ImageRegistry

log = logging.getLogger(__name__)

# Hosts of several jobs run side by side: every host gets a loopback address of its own (Linux owns all of 127.0.0.0/8).
_host_numbers = itertools.count(1)


_ABANDONED_LOGS_SECONDS = 1.0
_STATUS = {
    "training-job": "TrainingJobStatus",
    "processing-job": "ProcessingJobStatus",
    "transform-job": "TransformJobStatus",
}


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What every job needs from the embedded cloud.

    Attributes:
        pools: of instances that training jobs leave to others.
        folder: where the jobs' folders are.
        grace_seconds: between SIGTERM and the end of a stopped container (SageMaker: 120).
        history: takes what training jobs measure while they run.
    """

    config: Config
    images: ImageRegistry
    pools: WarmPools
    folder: Path
    grace_seconds: float
    history: MetricHistory = field(default_factory=MetricHistory)


class Abandoned(Exception):
    """The embedded cloud shuts down: the job's document stays as it is, and `recover` finds it at the next start."""


class JobRunner(ABC):
    """One job, run by one thread calling `run`; `stop` and `abandon` come from others."""

    log_group: str

    def __init__(self, surroundings: Surroundings, record: Record) -> None:
        self.config = surroundings.config
        self.images = surroundings.images
        self.history = surroundings.history
        self.record = record
        self.document = record.read()
        self.folder = surroundings.folder / record.kind / record.name
        self.role = Role(self.config, self.role_arn())
        self.inputs = JobInputs(self.role)
        network = self.document.get("NetworkConfig", self.document)  # of a processing job, or of a training job
        self.isolated = bool(network.get("EnableNetworkIsolation"))
        self.group = ContainerGroup(grace_seconds=surroundings.grace_seconds)
        self._streams: list[LogStream] = []
        self.stop_requested = threading.Event()
        self._abandoned = threading.Event()
        self._grace_seconds = surroundings.grace_seconds
        # Set when a wait for anything but the containers must end.
        self.woken = threading.Event()
        if self.document[_STATUS[record.kind]] == "Stopping":  # asked for before there was anything to stop
            self.stop()

    def run(self) -> None:
        """Runs the job to its end and writes how it ended; never raises."""
        try:
            self.perform()
        except Abandoned:
            log.info("%s %s is left to the next start", self.record.kind, self.record.name)
        except JobFailure as failure:
            self.finish("Failed", reason=failure.reason)
        except Exception as error:
            log.exception("%s %s", self.record.kind, self.record.name)
            self.finish("Failed", reason=failures.internal_error(error))
        finally:
            self.await_logs()
            remove_folder(self.folder)

    def stop(self) -> None:
        self.stop_requested.set()
        self.woken.set()
        self.group.stop()

    def abandon(self) -> None:
        self._abandoned.set()
        self.woken.set()
        self.group.kill()

    def renew(self) -> None:
        """Other instances, with nothing on them. Look at `stop_requested` and `check_abandoned` afterwards."""
        self.group = ContainerGroup(grace_seconds=self._grace_seconds)
        self.inputs = JobInputs(self.role)
        remove_folder(self.folder)

    def finish(self, status: str, **members: Any) -> None:
        """Ends the job, whose log is whole by then: see `Record.finish`."""
        self.await_logs()
        self.record.finish(status, **members)

    def await_logs(self) -> None:
        """Returns when every line of the containers that have ended is sent."""
        # The service that takes the lines ends as well when the embedded cloud does.
        timeout = _ABANDONED_LOGS_SECONDS if self._abandoned.is_set() else None
        for stream in self._streams:
            stream.close(timeout)

    def role_arn(self) -> str:
        return self.document["RoleArn"]

    @abstractmethod
    def perform(self) -> None:
        """The job's life, from its first state to its last. Raises JobFailure."""

    def check_role(self) -> dict[str, str]:
        """The containers' credentials, none with network isolation.

        Raises JobFailure where SageMaker cannot assume the role.
        """
        try:
            credentials = self.role.environment()
        except RoleRefused as error:
            raise JobFailure(f"ClientError: {error}") from error
        return {} if self.isolated else credentials

    def resolve_image(self, uri: str) -> Image:
        """Raises JobFailure with the registry's own message."""
        try:
            return self.images.resolve(uri)
        except (LookupError, ValueError, OSError, RuntimeError) as error:
            raise JobFailure(f"ClientError: Cannot pull the image {uri}: {error}") from error

    def hosts(self, count: int) -> dict[str, str]:
        """Names algo-1 ... algo-n and the address of each."""
        return {f"algo-{index}": _loopback(next(_host_numbers)) for index in range(1, count + 1)}

    def host_folder(self, host: str) -> Path:
        folder = self.folder / host
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def run_containers(
        self, specs: list[ContainerSpec], *, timeout: float, on_line: Callable[[str], None] | None = None
    ) -> Outcome:
        """Runs one container a spec, logs to CloudWatch, and waits. Raises JobFailure, Abandoned.

        The last lines are sent while the job goes on (`await_logs`).
        """
        started = int(self.record.clock())
        streams = [
            LogStream(
                lambda: self.role.client("logs"),
                group=self.log_group,
                stream=f"{self.record.name}/{spec.hostname}-{started}",
                clock=self.record.clock,
            )
            for spec in specs
        ]
        self._streams += streams
        try:
            with self._network(streams) as network, self.inputs.feeding(on_failure=self.group.kill):
                placed = [replace(spec, network=network) for spec in specs]
                self.group.start([_factory(spec, out, on_line) for spec, out in zip(placed, streams, strict=True)])
                outcome = self.group.wait(timeout)
        except ContainerStartError as error:
            raise JobFailure(f"AlgorithmError: the container could not be started: {error}, exit code: 127") from error
        finally:
            for stream in streams:
                stream.end()
        self.check_abandoned()
        if self.inputs.failure is not None:
            raise self.inputs.failure
        return outcome

    @contextlib.contextmanager
    def _network(self, streams: list[LogStream]) -> Iterator[Sequence[str]]:
        """The network the containers join: the host's, or with network isolation one of the job's own."""
        if not self.isolated:
            yield ()
            return
        try:
            network = PrivateNetwork(isolation.detect())
        except NetworkUnavailable as error:
            self.record.note(NOT_ISOLATED)
            for stream in streams:
                stream.write(f"{NOT_ISOLATED} ({error})")
            yield ()
            return
        with network:
            yield network.files

    def upload_rest(self, syncs: Sequence[FolderSync]) -> None:
        """Uploads what the ended containers left in these folders. Raises JobFailure."""

        def finish(sync: FolderSync) -> None:
            try:
                sync.finish()
            except (ClientError, BotoCoreError, ValueError, OSError) as error:
                raise failures.upload_failed(error, uri=str(sync.uri), role_arn=self.role.arn) from error

        transfer.for_each(syncs, finish)

    def check_abandoned(self) -> None:
        if self._abandoned.is_set():
            raise Abandoned

    def failure_text(self, spec: ContainerSpec, file: str) -> str:
        """What the container wrote, and where it may have hard-coded paths that this machine cannot give it, a hint."""
        text = failures.read_message(spec.ml / "output" / file)
        return text if isolation.detect() or text else isolation.WITHOUT_NAMESPACES


def request_command(
    image: Image, *, entrypoint: list[str] | None, arguments: list[str] | None, default: list[str]
) -> list[str]:
    """Docker's rule: an entrypoint in the request replaces the image's, and with it the default arguments."""
    if entrypoint:
        return [*entrypoint, *(arguments or [])]
    return [*image.entrypoint, *(arguments or default)]


def _factory(spec: ContainerSpec, stream: LogStream, on_line: Callable[[str], None] | None) -> Callable[[], Container]:
    def write(line: str) -> None:
        stream.write(line)
        if on_line is not None:
            on_line(line)

    return lambda: Container(spec, on_line=write, namespaces=isolation.detect())


def _loopback(number: int) -> str:
    """127.1.0.1, 127.1.0.2 ...; starts again after some 65,000 hosts."""
    number = number % 65_000
    return f"127.1.{number // 254}.{number % 254 + 1}"


def environment(*sources: dict[str, Any] | None) -> dict[str, str]:
    """Later sources win."""
    return {name: str(value) for source in sources for name, value in (source or {}).items()}
