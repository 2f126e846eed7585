"""What a training job leaves in S3 when it has ended (OutputDataConfig).

GZIP: `<job>/output/model.tar.gz` and `<job>/output/output.tar.gz`. NONE: the same files one by one, below
`<job>/output/model/` and `<job>/output/data/`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.sagemaker.jobs import archive, failures, transfer
from localcloud.sagemaker.jobs.channels import S3Uri


class OutputUpload:
    """Uploads the folders of all hosts of one job.

    Args:
        job: the document of the training job.
        client: gives an S3 client acting for the job's role.
        workspace: where archives are packed.
    """

    def __init__(self, job: dict[str, Any], client: Callable[[], Any], workspace: Path) -> None:
        self._config = job["OutputDataConfig"]
        self._job_name = job["TrainingJobName"]
        self._role_arn = job["RoleArn"]
        self._client = client
        self._workspace = workspace

    def model(self, folders: list[Path], *, skip_empty: bool) -> str | None:
        """The URI for ModelArtifacts, None where nothing was uploaded. Raises JobFailure."""
        return self._upload(folders, "model", "model.tar.gz", skip_empty=skip_empty)

    def data(self, folders: list[Path]) -> None:
        """/opt/ml/output/data, when there is any. Raises JobFailure."""
        self._upload(folders, "data", "output.tar.gz", skip_empty=True)

    def _upload(self, folders: list[Path], folder_name: str, archive_name: str, *, skip_empty: bool) -> str | None:
        if skip_empty and not any(transfer.files_below(folder) for folder in folders):
            return None
        output = S3Uri.parse(self._config["S3OutputPath"]).join(self._job_name, "output")
        packed = self._config.get("CompressionType", "GZIP") == "GZIP"
        uri = output.join(archive_name if packed else folder_name)
        try:
            if packed:
                self._upload_archive(folders, uri)
                return str(uri)
            for path, name in archive.members(folders):
                transfer.upload_file(self._client(), path, uri.join(name), kms_key=self._config.get("KmsKeyId"))
        except (ClientError, BotoCoreError, ValueError, OSError) as error:
            raise failures.upload_failed(error, uri=str(uri), role_arn=self._role_arn) from error
        return f"{uri}/"

    def _upload_archive(self, folders: list[Path], uri: S3Uri) -> None:
        packed = self._workspace / uri.key.rpartition("/")[2]
        try:
            archive.pack(folders, packed)
            transfer.upload_file(self._client(), packed, uri, kms_key=self._config.get("KmsKeyId"))
        finally:
            packed.unlink(missing_ok=True)
