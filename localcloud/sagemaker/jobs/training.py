"""The life of a training job."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.containers.shipping import Shipper
from localcloud.containers.spec import ML_ROOT, ContainerSpec
from localcloud.sagemaker.jobs import failures, layout, synced_folders, transfer
from localcloud.sagemaker.jobs.artifacts import OutputUpload
from localcloud.sagemaker.jobs.code_requirements import TRAINING_CODE, with_requirements
from localcloud.sagemaker.jobs.data_source import DataSource
from localcloud.sagemaker.jobs.disruption import (
    DisruptionRefused,
    DisruptionSwitch,
    InternalServerError,
    Interrupted,
    may_retry,
)
from localcloud.sagemaker.jobs.failures import JobFailure
from localcloud.sagemaker.jobs.folder_sync import FolderSync
from localcloud.sagemaker.jobs.group import Outcome
from localcloud.sagemaker.jobs.instances import all_hosts, channel_hosts, instance_groups
from localcloud.sagemaker.jobs.metrics import Measurement, MetricParser, metric_requests
from localcloud.sagemaker.jobs.record import IMAGE_DOWNLOADED, IMAGE_DOWNLOADING, Record
from localcloud.sagemaker.jobs.runner import Abandoned, JobRunner, Surroundings, environment, request_command
from localcloud.sagemaker.jobs.time_limits import TimeLimits
from localcloud.sagemaker.jobs.warm_pools import CACHE_ENVIRONMENT, CACHE_IN_ML, keep_alive, leaves_pool, place_cache

if TYPE_CHECKING:
    from localcloud.images import Image

log = logging.getLogger(__name__)

_TRANSFER_ERRORS = (ClientError, BotoCoreError, ValueError, OSError)


class TrainingRunner(JobRunner):
    """Starting, Downloading, Training, Uploading, and one of Completed, Failed, Stopped, MaxRuntimeExceeded.

    A spot job that is interrupted, and one with a RetryStrategy that meets an internal error, begins again on other
    instances: from Starting, with the checkpoints that are in S3.
    """

    log_group = "/aws/sagemaker/TrainingJobs"

    def __init__(self, surroundings: Surroundings, record: Record) -> None:
        super().__init__(surroundings, record)
        self._pools = surroundings.pools
        self._limits = TimeLimits(self.document, now=record.clock())
        self._disruptions = DisruptionSwitch()
        self._retries = self.document.get("_Retries", 0)
        self._output = OutputUpload(self.document, self._s3, self.folder)

    def interrupt(self, capacity_after: float) -> None:
        """Takes the job's spot instances away; there are others after so many seconds. Raises DisruptionRefused."""
        if not self.document.get("EnableManagedSpotTraining"):
            raise DisruptionRefused("it does not run on spot instances (EnableManagedSpotTraining)")
        self._disruptions.disrupt(Interrupted(capacity_after))

    def lose_instance(self) -> None:
        """The job meets an InternalServerError. Raises DisruptionRefused."""
        self._disruptions.disrupt(InternalServerError())

    def perform(self) -> None:
        pool = self._enter_pool()
        shipper: Shipper[Measurement] = Shipper(self._publish, name=f"metrics-{self.record.name}", interval_seconds=5)

        def measured(measurement: Measurement) -> None:
            shipper.put(measurement)
            self.history.record(self.record.name, measurement)

        definitions = self.document["AlgorithmSpecification"].get("MetricDefinitions", [])
        metrics = MetricParser(definitions, clock=self.record.clock, on_measurement=measured)
        try:
            while self._attempt_fails(metrics, pool):
                self.renew()
                pool = None
        finally:
            shipper.close()

    def finish(self, status: str, **members: Any) -> None:
        self.await_logs()
        document = self.record.read()
        hosts = list(self.folder.glob("algo-*"))
        if not leaves_pool(document, members.get("reason")):
            ended = {"WarmPoolStatus": {"Status": "Terminated"}} if "WarmPoolStatus" in document else {}
            super().finish(status, **members, **ended)
            return
        caches = {host.name: host / "ml" / CACHE_IN_ML for host in hosts}
        present = {host: cache for host, cache in caches.items() if cache.is_dir()}
        end = super().finish
        self._pools.release(self.record.name, present, lambda pool: end(status, **members, WarmPoolStatus=pool))

    def _enter_pool(self) -> Path | None:
        pool = self._pools.claim(self.record.name, self.document)
        if pool is not None or keep_alive(self.document):
            self.record.update(WarmPoolStatus={"Status": "InUse"})
            self.document = self.record.read()
        return pool

    def _attempt_fails(self, metrics: MetricParser, pool: Path | None) -> bool:
        """Runs one attempt; True where another must follow, False where the job has ended."""
        try:
            self._attempt(metrics, pool)
        except Interrupted as interruption:
            self.record.lost("Interrupted", retries=self._retries)
            return self._gets_capacity(interruption.capacity_after)
        except (Abandoned, JobFailure):
            raise
        except Exception:
            if not may_retry({**self.document, "_Retries": self._retries}):
                raise
            log.exception("training-job %s begins again", self.record.name)
            self._retries += 1
            self.record.lost("Restarting", retries=self._retries)
            return True
        finally:
            self._disruptions.close()
        return False

    def _gets_capacity(self, seconds: float) -> bool:
        """Waits for spot instances; False where the job has ended before there were any."""
        left, ending = self._limits.pending()
        if seconds > 0:
            self.record.waits("Pending")
            self.woken.wait(min(seconds, left))
        self.check_abandoned()
        if self.stop_requested.is_set():
            self.finish("Stopped")
        elif seconds >= left:
            self.finish("Stopped", secondary=ending)
        else:
            self.record.waits("Starting")
            return True
        return False

    def _attempt(self, metrics: MetricParser, pool: Path | None) -> None:
        """Raises Disruption, and whatever is to be an InternalServerError."""
        self._disruptions.open(self.group)
        credentials = self.check_role()
        image = self.resolve_image(self.document["AlgorithmSpecification"]["TrainingImage"])
        self.groups = instance_groups(self.document["ResourceConfig"])
        hosts = self.hosts(len(all_hosts(self.groups)))
        if self._stopped_early():
            return
        self.record.begin("Downloading")
        folders = {host: self._prepare_host(host, pool) for host in hosts}
        syncs = self._download_synced(list(folders.values()))
        self.record.begin("Training", IMAGE_DOWNLOADING)
        image = with_requirements(image, folders["algo-1"], TRAINING_CODE)
        if self._stopped_early():
            return
        self.record.begin("Training", IMAGE_DOWNLOADED)
        specs = [self._spec(image, folder, host, hosts, credentials) for host, folder in folders.items()]
        try:
            outcome, exceeded = self._train(specs, metrics, syncs)
            self._finish(specs, outcome, exceeded, metrics, syncs)
        finally:
            for sync in syncs:
                sync.abort()

    def _stopped_early(self) -> bool:
        self.check_abandoned()
        if self.stop_requested.is_set():
            self.finish("Stopped")
            return True
        self._disruptions.check()
        return False

    def _prepare_host(self, host: str, pool: Path | None) -> Path:
        folder = self.host_folder(host)
        if "WarmPoolStatus" in self.document:
            place_cache(pool, folder)
        layout.prepare_training(folder / "ml", self.document, host=host, groups=self.groups)
        for channel in self.document.get("InputDataConfig", []):
            self._place_channel(channel, folder / "ml/input/data" / channel["ChannelName"], host)
        synced_folders.write_hook_config(self.document, folder)
        return folder

    def _place_channel(self, channel: dict[str, Any], folder: Path, host: str) -> None:
        receivers = channel_hosts(channel, self.groups)
        if host in receivers:
            source = DataSource.of_channel(channel, layout.input_mode(channel, self.document))
            self.inputs.place(source, folder, host=receivers.index(host), hosts=len(receivers))

    def _download_synced(self, folders: list[Path]) -> list[FolderSync]:
        """The folders that are kept in S3, with what an earlier run with the same CheckpointConfig left there."""
        found: list[FolderSync] = []
        for folder in folders:
            checkpoints = synced_folders.checkpoints(self.document, folder, self._s3)
            if checkpoints is not None:
                try:
                    checkpoints.download()
                except _TRANSFER_ERRORS as error:
                    raise failures.download_failed(error, uri=str(checkpoints.uri), role_arn=self.role.arn) from error
                found.append(checkpoints)
            found += synced_folders.outputs(self.document, folder, self._s3)
        return found

    def _s3(self) -> Any:
        return self.role.client("s3")

    def _spec(
        self, image: Image, folder: Path, host: str, hosts: dict[str, str], credentials: dict[str, str]
    ) -> ContainerSpec:
        algorithm = self.document["AlgorithmSpecification"]
        job = {"TRAINING_JOB_NAME": self.record.name, "TRAINING_JOB_ARN": self.document["TrainingJobArn"]}
        pool = CACHE_ENVIRONMENT if "WarmPoolStatus" in self.document else {}
        return ContainerSpec(
            image=image,
            folder=folder,
            argv=request_command(
                image,
                entrypoint=algorithm.get("ContainerEntrypoint"),
                arguments=algorithm.get("ContainerArguments"),
                default=["train"],
            ),
            environment=environment(self.document.get("Environment"), job, pool, credentials),
            hostname=host,
            hosts=hosts,
            read_only=self._fast_file_folders(folder),
            needs_imports=True,
        )

    def _fast_file_folders(self, folder: Path) -> list[str]:
        """FastFile shows the objects as a file system that cannot be written to."""
        channels = self.document.get("InputDataConfig", [])
        fast = [
            channel["ChannelName"] for channel in channels if layout.input_mode(channel, self.document) == "FastFile"
        ]
        return [f"{ML_ROOT}/input/data/{name}" for name in fast if (folder / "ml/input/data" / name).is_dir()]

    def _train(
        self, specs: list[ContainerSpec], metrics: MetricParser, syncs: list[FolderSync]
    ) -> tuple[Outcome, str | None]:
        """How the containers ended, and the secondary status where their time was over. Raises Disruption."""
        seconds, ending = self._limits.training()
        for sync in syncs:
            sync.start()
        self._limits.training_begins()
        try:
            outcome = self.run_containers(specs, timeout=seconds, on_line=metrics.read)
        finally:
            self._limits.training_ends()
            self._disruptions.close()
        if not self.stop_requested.is_set():
            self._check_disruption(syncs)
        return outcome, ending if outcome.timed_out else None

    def _check_disruption(self, syncs: list[FolderSync]) -> None:
        try:
            self._disruptions.check()
        except Interrupted:  # what was saved within the grace is kept; a lost instance has had none
            self.upload_rest(syncs)
            raise

    def _publish(self, measurements: list[Measurement]) -> None:
        for request in metric_requests(self.record.name, measurements):
            self.role.client("cloudwatch").put_metric_data(**request)

    def _finish(
        self,
        specs: list[ContainerSpec],
        outcome: Outcome,
        exceeded: str | None,
        metrics: MetricParser,
        syncs: list[FolderSync],
    ) -> None:
        ended_early = outcome.timed_out or self.stop_requested.is_set()
        failed = bool(outcome.exit_code) and not ended_early
        self.record.begin("Uploading")
        artifacts = self._upload(specs, syncs, with_model=not failed, skip_empty=ended_early)
        if failed:
            text = self.failure_text(specs[outcome.host], "failure")
            self.finish(
                "Failed",
                reason=failures.algorithm_error(text, outcome.exit_code),
                FinalMetricDataList=metrics.final() or None,
            )
            return
        self.finish(
            "Stopped" if ended_early else "Completed",
            secondary=exceeded,
            FinalMetricDataList=metrics.final() or None,
            ModelArtifacts={"S3ModelArtifacts": artifacts} if artifacts else None,
        )

    def _upload(
        self, specs: list[ContainerSpec], syncs: list[FolderSync], *, with_model: bool, skip_empty: bool
    ) -> str | None:
        """Uploads what the containers left, all of it at once; the URI for ModelArtifacts. Raises JobFailure."""
        uris: list[str | None] = []
        uploads: list[Callable[[], None]] = [
            lambda: self.upload_rest(syncs),
            lambda: self._output.data([spec.ml / "output/data" for spec in specs]),
        ]
        if with_model:
            models = [spec.ml / "model" for spec in specs]
            uploads.append(lambda: uris.append(self._output.model(models, skip_empty=skip_empty)))
        transfer.for_each(uploads, lambda upload: upload())
        return next(iter(uris), None)
