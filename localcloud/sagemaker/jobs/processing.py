"""The life of a processing job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.containers.spec import ContainerSpec, host_path
from localcloud.sagemaker.jobs import failures, layout, transfer
from localcloud.sagemaker.jobs.channels import S3Uri
from localcloud.sagemaker.jobs.data_source import DataSource
from localcloud.sagemaker.jobs.group import Outcome
from localcloud.sagemaker.jobs.runner import JobRunner, environment, request_command

if TYPE_CHECKING:
    from localcloud.images import Image

_DEFAULT_MAX_RUNTIME = 86_400  # ProcessingStoppingCondition.MaxRuntimeInSeconds: one day when not given
_NO_MESSAGE = "See job logs for more information"
_TRANSFER_ERRORS = (ClientError, BotoCoreError, ValueError, OSError)


class ProcessingRunner(JobRunner):
    """Inputs are downloaded, containers run, outputs are uploaded."""

    log_group = "/aws/sagemaker/ProcessingJobs"

    def perform(self) -> None:
        credentials = self.check_role()
        image = self.resolve_image(self.document["AppSpecification"]["ImageUri"])
        hosts = self.hosts(self.document["ProcessingResources"]["ClusterConfig"].get("InstanceCount", 1))
        folders = {host: self._prepare_host(index, host, list(hosts)) for index, host in enumerate(hosts)}
        self.check_abandoned()
        if self.stop_requested.is_set():
            self.record.finish("Stopped")
            return
        self.record.started()
        specs = [self._spec(image, folder, host, hosts, credentials) for host, folder in folders.items()]
        limit = self.document.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", _DEFAULT_MAX_RUNTIME)
        self._finish(specs, self.run_containers(specs, timeout=limit))

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

    def _finish(self, specs: list[ContainerSpec], outcome: Outcome) -> None:
        ended_early = outcome.timed_out or self.stop_requested.is_set()
        failed = bool(outcome.exit_code) and not ended_early
        message = failures.read_message(specs[outcome.host].ml / "output/message") or None
        self._upload(specs, modes=("Continuous",) if failed else ("Continuous", "EndOfJob"))
        if failed:
            text = message or self.failure_text(specs[outcome.host], "failure") or _NO_MESSAGE
            reason = failures.algorithm_error(text, outcome.exit_code)
            self.record.finish("Failed", reason=reason, ExitMessage=message)
            return
        self.record.finish("Stopped" if ended_early else "Completed", ExitMessage=message)

    def _upload(self, specs: list[ContainerSpec], *, modes: tuple[str, ...]) -> None:
        """Both modes upload when the containers have ended; Continuous does so for failed jobs too."""
        kms_key = self.document.get("ProcessingOutputConfig", {}).get("KmsKeyId")
        for output in self._outputs():
            if output["S3UploadMode"] not in modes:
                continue
            for spec in specs:
                try:
                    folder = host_path(spec.folder, output["LocalPath"])
                    uri = S3Uri.parse(output["S3Uri"])
                    transfer.upload_tree(self.role.client("s3"), folder, uri, kms_key=kms_key)
                except _TRANSFER_ERRORS as error:
                    raise failures.upload_failed(error, uri=output["S3Uri"], role_arn=self.role.arn) from error
