"""The life of a training job."""

from __future__ import annotations

import logging
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.containers.shipping import Shipper
from localcloud.containers.spec import ML_ROOT, ContainerSpec, host_path
from localcloud.sagemaker.jobs import archive, failures, layout, transfer
from localcloud.sagemaker.jobs.channels import S3Uri, find_objects
from localcloud.sagemaker.jobs.data_source import DataSource
from localcloud.sagemaker.jobs.failures import JobFailure
from localcloud.sagemaker.jobs.group import Outcome
from localcloud.sagemaker.jobs.instances import all_hosts, channel_hosts, instance_groups
from localcloud.sagemaker.jobs.metrics import Measurement, MetricParser, metric_requests
from localcloud.sagemaker.jobs.record import IMAGE_DOWNLOADED, IMAGE_DOWNLOADING
from localcloud.sagemaker.jobs.runner import JobRunner, environment, request_command

if TYPE_CHECKING:
    from localcloud.images import Image

log = logging.getLogger(__name__)

_CODE_CHANNEL = "code"
_REQUIREMENTS = "requirements.txt"
_MAX_REQUIREMENTS_BYTES = 1 << 20
_DEFAULT_MAX_RUNTIME = 86_400  # StoppingCondition.MaxRuntimeInSeconds: one day when not given
_TRANSFER_ERRORS = (ClientError, BotoCoreError, ValueError, OSError)


class TrainingRunner(JobRunner):
    """Starting, Downloading, Training, Uploading, and one of Completed, Failed, Stopped, MaxRuntimeExceeded."""

    log_group = "/aws/sagemaker/TrainingJobs"

    def perform(self) -> None:
        credentials = self.check_role()
        image = self.resolve_image(self.document["AlgorithmSpecification"]["TrainingImage"])
        self.groups = instance_groups(self.document["ResourceConfig"])
        hosts = self.hosts(len(all_hosts(self.groups)))
        if self._stopped_early():
            return
        self.record.begin("Downloading")
        folders = {host: self._prepare_host(host) for host in hosts}
        self.record.begin("Training", IMAGE_DOWNLOADING)
        image = self._with_requirements(image, folders["algo-1"])
        if self._stopped_early():
            return
        self.record.begin("Training", IMAGE_DOWNLOADED)
        specs = [self._spec(image, folder, host, hosts, credentials) for host, folder in folders.items()]
        outcome, metrics = self._train(specs)
        self._finish(specs, outcome, metrics)

    def _stopped_early(self) -> bool:
        self.check_abandoned()
        if self.stop_requested.is_set():
            self.record.finish("Stopped")
        return self.stop_requested.is_set()

    def _prepare_host(self, host: str) -> Path:
        folder = self.host_folder(host)
        layout.prepare_training(folder / "ml", self.document, host=host, groups=self.groups)
        for channel in self.document.get("InputDataConfig", []):
            self._place_channel(channel, folder / "ml/input/data" / channel["ChannelName"], host)
        self._download_checkpoints(folder)
        return folder

    def _place_channel(self, channel: dict[str, Any], folder: Path, host: str) -> None:
        receivers = channel_hosts(channel, self.groups)
        if host in receivers:
            source = DataSource.of_channel(channel, layout.input_mode(channel, self.document))
            self.inputs.place(source, folder, host=receivers.index(host), hosts=len(receivers))

    def _download_checkpoints(self, folder: Path) -> None:
        """What an earlier run with the same CheckpointConfig left; nothing, the first time."""
        place = self._checkpoints(folder)
        if place is None:
            return
        local, uri = place
        try:
            client = self.role.client("s3")
            transfer.download(client, find_objects(client, uri=f"{uri}/", data_type="S3Prefix"), local)
        except _TRANSFER_ERRORS as error:
            raise failures.download_failed(error, uri=str(uri), role_arn=self.role.arn) from error

    def _checkpoints(self, folder: Path) -> tuple[Path, S3Uri] | None:
        config = self.document.get("CheckpointConfig")
        if not config:
            return None
        try:
            uri = S3Uri.parse(config["S3Uri"])
            local = host_path(folder, config.get("LocalPath", layout.DEFAULT_CHECKPOINTS))
        except ValueError as error:
            raise JobFailure(f"ClientError: CheckpointConfig: {error}") from error
        return local, S3Uri(uri.bucket, uri.key.rstrip("/"))

    def _with_requirements(self, image: Image, folder: Path) -> Image:
        """An image that already holds what the code's requirements.txt asks for.

        It stands for the layers that a registry and an instance keep: the first job with a new requirements.txt pays
        for the installation, the next ones find every requirement satisfied.
        """
        found = _requirements_in(folder / "ml/input/data" / _CODE_CHANNEL)
        if found is None:
            return image
        path = folder / _REQUIREMENTS
        path.write_bytes(found)
        try:
            return image.with_requirements([path])
        except (LookupError, ValueError, OSError, RuntimeError) as error:
            raise JobFailure(
                f"AlgorithmError: {_REQUIREMENTS} could not be installed: {error}, exit code: 1"
            ) from error

    def _spec(
        self, image: Image, folder: Path, host: str, hosts: dict[str, str], credentials: dict[str, str]
    ) -> ContainerSpec:
        algorithm = self.document["AlgorithmSpecification"]
        job = {"TRAINING_JOB_NAME": self.record.name, "TRAINING_JOB_ARN": self.document["TrainingJobArn"]}
        return ContainerSpec(
            image=image,
            folder=folder,
            argv=request_command(
                image,
                entrypoint=algorithm.get("ContainerEntrypoint"),
                arguments=algorithm.get("ContainerArguments"),
                default=["train"],
            ),
            environment=environment(self.document.get("Environment"), job, credentials),
            hostname=host,
            hosts=hosts,
            read_only=self._fast_file_folders(folder),
        )

    def _fast_file_folders(self, folder: Path) -> list[str]:
        """FastFile shows the objects as a file system that cannot be written to."""
        channels = self.document.get("InputDataConfig", [])
        fast = [
            channel["ChannelName"] for channel in channels if layout.input_mode(channel, self.document) == "FastFile"
        ]
        return [f"{ML_ROOT}/input/data/{name}" for name in fast if (folder / "ml/input/data" / name).is_dir()]

    def _train(self, specs: list[ContainerSpec]) -> tuple[Outcome, MetricParser]:
        shipper: Shipper[Measurement] = Shipper(self._publish, name=f"metrics-{self.record.name}", interval_seconds=5)

        def measured(measurement: Measurement) -> None:
            shipper.put(measurement)
            self.history.record(self.record.name, measurement)

        definitions = self.document["AlgorithmSpecification"].get("MetricDefinitions", [])
        metrics = MetricParser(definitions, clock=self.record.clock, on_measurement=measured)
        limit = self.document.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", _DEFAULT_MAX_RUNTIME)
        try:
            return self.run_containers(specs, timeout=limit, on_line=metrics.read), metrics
        finally:
            shipper.close()

    def _publish(self, measurements: list[Measurement]) -> None:
        for request in metric_requests(self.record.name, measurements):
            self.role.client("cloudwatch").put_metric_data(**request)

    def _finish(self, specs: list[ContainerSpec], outcome: Outcome, metrics: MetricParser) -> None:
        self.record.begin("Uploading")
        ended_early = outcome.timed_out or self.stop_requested.is_set()
        self._upload_checkpoints(specs)
        self._upload_archive([spec.ml / "output/data" for spec in specs], "output.tar.gz", skip_empty=True)
        if outcome.exit_code and not ended_early:
            text = self.failure_text(specs[outcome.host], "failure")
            self.record.finish(
                "Failed",
                reason=failures.algorithm_error(text, outcome.exit_code),
                FinalMetricDataList=metrics.final() or None,
            )
            return
        artifacts = self._upload_archive([spec.ml / "model" for spec in specs], "model.tar.gz", skip_empty=ended_early)
        self.record.finish(
            "Stopped" if ended_early else "Completed",
            secondary="MaxRuntimeExceeded" if outcome.timed_out else None,
            FinalMetricDataList=metrics.final() or None,
            ModelArtifacts={"S3ModelArtifacts": artifacts} if artifacts else None,
        )

    def _upload_archive(self, folders: list[Path], name: str, *, skip_empty: bool) -> str | None:
        """Packs and uploads; returns the object's URI, or None for nothing uploaded."""
        if skip_empty and not any(transfer.files_below(folder) for folder in folders):
            return None
        config = self.document["OutputDataConfig"]
        uri = S3Uri.parse(config["S3OutputPath"]).join(self.record.name, "output", name)
        try:
            packed = self.folder / name
            archive.pack(folders, packed)
            transfer.upload_file(self.role.client("s3"), packed, uri, kms_key=config.get("KmsKeyId"))
        except _TRANSFER_ERRORS as error:
            raise failures.upload_failed(error, uri=str(uri), role_arn=self.role.arn) from error
        return str(uri)

    def _upload_checkpoints(self, specs: list[ContainerSpec]) -> None:
        for spec in specs:
            place = self._checkpoints(spec.folder)
            if place is None:
                return
            local, uri = place
            try:
                transfer.upload_tree(self.role.client("s3"), local, uri, kms_key=None)
            except _TRANSFER_ERRORS as error:
                raise failures.upload_failed(error, uri=str(uri), role_arn=self.role.arn) from error


def _requirements_in(channel: Path) -> bytes | None:
    """requirements.txt at the root of the channel's only zip; None where there is none."""
    zips = sorted(channel.glob("*.zip"))
    if len(zips) != 1:
        return None
    try:
        with zipfile.ZipFile(zips[0]) as code, code.open(_REQUIREMENTS) as file:
            content = file.read(_MAX_REQUIREMENTS_BYTES + 1)
    except (KeyError, zipfile.BadZipFile):
        return None  # without requirements, or not a zip: the container's own business
    if len(content) > _MAX_REQUIREMENTS_BYTES:
        raise JobFailure(
            f"ClientError: {_REQUIREMENTS} of channel 'code' is larger than {_MAX_REQUIREMENTS_BYTES} bytes"
        )
    return content
