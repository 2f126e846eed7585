"""What a transform job leaves in S3: its outputs, and the manifests of data capture."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.sagemaker.capture import encode_manifest, object_name
from localcloud.sagemaker.jobs import failures, transfer
from localcloud.sagemaker.jobs.channels import S3Uri
from localcloud.sagemaker.jobs.role import Role
from localcloud.sagemaker.transform.pipeline import Item

_PARALLEL = 4
_ERRORS = (ClientError, BotoCoreError, OSError)


def upload_outputs(role: Role, items: Sequence[Item], target: dict[str, Any]) -> list[S3Uri]:
    """Uploads the items' files to where the job's TransformOutput says. Raises JobFailure."""
    uris = [S3Uri.parse(target["S3OutputPath"]).join(f"{item.remote.relative}.out") for item in items]

    def upload(item: Item, uri: S3Uri) -> None:
        try:
            transfer.upload_file(role.client("s3"), item.output, uri, kms_key=target.get("KmsKeyId"))
        except _ERRORS as error:
            raise failures.upload_failed(error, uri=str(uri), role_arn=role.arn) from error

    with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="upload") as pool:
        for _ in pool.map(upload, items, uris):
            pass
    return uris


def capture(
    role: Role,
    config: dict[str, Any],
    *,
    inputs: Sequence[S3Uri],
    outputs: Sequence[S3Uri],
    moment: datetime,
    folder: Path,
) -> None:
    """Writes what was read and written below ``input`` and ``output`` of a DataCaptureConfig. Raises JobFailure."""
    name = object_name(moment, suffix="json")
    for kind, uris in (("input", inputs), ("output", outputs)):
        uri = S3Uri.parse(config["DestinationS3Uri"]).join(kind, name)
        path = folder / f"{kind}.json"
        path.write_bytes(_manifest(uris))
        try:
            transfer.upload_file(role.client("s3"), path, uri, kms_key=config.get("KmsKeyId"))
        except _ERRORS as error:
            raise failures.upload_failed(error, uri=str(uri), role_arn=role.arn) from error


def _manifest(uris: Sequence[S3Uri]) -> bytes:
    prefix = _common_folder([str(uri) for uri in uris])
    return encode_manifest(prefix, [str(uri)[len(prefix) :] for uri in uris])


def _common_folder(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    same = next((index for index, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[: first.rfind("/", 0, same) + 1]
