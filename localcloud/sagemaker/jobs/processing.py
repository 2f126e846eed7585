"""The life of a processing job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.containers.spec import ContainerSpec, host_path
from localcloud.sagemaker.jobs import failures, layout
from localcloud.sagemaker.jobs.channels import S3Uri
from localcloud.sagemaker.jobs.code_requirements import PROCESSING_CODE, with_requirements
from localcloud.sagemaker.jobs.data_source import DataSource
from localcloud.sagemaker.jobs.folder_sync import FolderSync
from localcloud.sagemaker.jobs.group import Outcome
from localcloud.sagemaker.jobs.runner import JobRunner, environment, request_command

if TYPE_CHECKING:
    from localcloud.images import Image

_DEFAULT_MAX_RUNTIME = 86_400  # ProcessingStoppingCondition.MaxRuntimeInSeconds: one day when not given
_NO_MESSAGE = "See job logs for more information"
_TRANSFER_ERRORS = (ClientError, BotoCoreError, ValueError, OSError)


@dataclass(frozen=True)
class _Upload:
    """One output of one host: uploaded while the job runs and even when it fails, or at its good end only."""

    sync: FolderSync
    continuous: bool


class ProcessingRunner(JobRunner):
    """Inputs are downloaded, containers run, outputs are uploaded at the end or, where Continuous, all the time."""

    log_group = "/aws/sagemaker/ProcessingJobs"

    def perform(self) -> None:
        credentials = self.check_role()
        image = self.resolve_image(self.document["AppSpecification"]["ImageUri"])
        hosts = self.hosts(self.document["ProcessingResources"]["ClusterConfig"].get("InstanceCount", 1))
        folders = {host: self._prepare_host(index, host, list(hosts)) for index, host in enumerate(hosts)}
        image = with_requirements(image, folders["algo-1"], PROCESSING_CODE)
        self.check_abandoned()
        if self.stop_requested.is_set():
            self.finish("Stopped")
            return
        self.record.started()
        specs = [self._spec(image, folder, host, hosts, credentials) for host, folder in folders.items()]
        limit = self.document.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", _DEFAULT_MAX_RUNTIME)
        outputs = [output for folder in folders.values() for output in self._uploads(folder)]
        try:
            for output in outputs:
                if output.continuous:
                    output.sync.start()
            self._finish(specs, self.run_containers(specs, timeout=limit), outputs)
        finally:
            for output in outputs:
                output.sync.abort()

    def _prepare_host(self, index: int, host: str, hosts: list[str]) -> Path:
        folder = self.host_folder(host)
        layout.prepare_processing(folder / "ml", self.document, host=host, hosts=hosts)
        for entry in self.document.get("ProcessingInputs", []):
            self._download(entry, folder, host=index, hosts=len(hosts))
        for output in self._outputs():
            host_path(folder, output["LocalPath"]).mkdir(parents=True, exist_ok=True)
        return folder

    def _download(self, entry: dict[str, Any], folder: Path, *, host: int, hosts: int) -> None:
        source = DataSource.of_processing_input(entry["S3Input"])
        self.inputs.place(source, host_path(folder, entry["S3Input"]["LocalPath"]), host=host, hosts=hosts)

    def _outputs(self) -> list[dict[str, Any]]:
        config = self.document.get("ProcessingOutputConfig", {})
        return [output["S3Output"] for output in config.get("Outputs", []) if "S3Output" in output]

    def _spec(
        self, image: Image, folder: Path, host: str, hosts: dict[str, str], credentials: dict[str, str]
    ) -> ContainerSpec:
        application = self.document["AppSpecification"]
        job = {"PROCESSING_JOB_NAME": self.record.name, "PROCESSING_JOB_ARN": self.document["ProcessingJobArn"]}
        return ContainerSpec(
            image=image,
            folder=folder,
            argv=request_command(
                image,
                entrypoint=application.get("ContainerEntrypoint"),
                arguments=application.get("ContainerArguments"),
                default=image.command,
            ),
            environment=environment(self.document.get("Environment"), job, credentials),
            hostname=host,
            hosts=hosts,
        )

    def _uploads(self, folder: Path) -> Iterator[_Upload]:
        """The outputs of one host."""
        kms_key = self.document.get("ProcessingOutputConfig", {}).get("KmsKeyId")
        for number, output in enumerate(self._outputs()):
            try:
                uri, local = S3Uri.parse(output["S3Uri"]), host_path(folder, output["LocalPath"])
            except ValueError as error:
                raise failures.upload_failed(error, uri=output["S3Uri"], role_arn=self.role.arn) from error
            staging = folder / "sync" / str(number)
            sync = FolderSync(lambda: self.role.client("s3"), local, uri, staging=staging, kms_key=kms_key)
            yield _Upload(sync, continuous=output["S3UploadMode"] == "Continuous")

    def _finish(self, specs: list[ContainerSpec], outcome: Outcome, outputs: list[_Upload]) -> None:
        ended_early = outcome.timed_out or self.stop_requested.is_set()
        failed = bool(outcome.exit_code) and not ended_early
        message = failures.read_message(specs[outcome.host].ml / "output/message") or None
        self.upload_rest([output.sync for output in outputs if output.continuous or not failed])
        if failed:
            text = message or self.failure_text(specs[outcome.host], "failure") or _NO_MESSAGE
            reason = failures.algorithm_error(text, outcome.exit_code)
            self.finish("Failed", reason=reason, ExitMessage=message)
            return
        self.finish("Stopped" if ended_early else "Completed", ExitMessage=message)
