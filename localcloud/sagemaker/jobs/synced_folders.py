"""The folders of a training container that are in S3 while it runs: checkpoints, tensors, TensorBoard's files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from localcloud.containers.spec import host_path
from localcloud.sagemaker.jobs.channels import S3Uri
from localcloud.sagemaker.jobs.failures import JobFailure
from localcloud.sagemaker.jobs.folder_sync import FolderSync

# Defaults of CheckpointConfig, DebugHookConfig and TensorBoardOutputConfig.
_CHECKPOINTS = "/opt/ml/checkpoints"
_TENSORS = "/opt/ml/output/tensors"
_TENSORBOARD = "/opt/ml/output/tensorboard"


def checkpoints(job: dict[str, Any], folder: Path, client: Callable[[], Any]) -> FolderSync | None:
    """CheckpointConfig: mirrored to S3 exactly where it says; to be downloaded first. Raises JobFailure.

    Args:
        job: the document of the training job.
        folder: of the host's container.
        client: gives an S3 client acting for the job's role.
    """
    config = job.get("CheckpointConfig")
    if not config:
        return None
    local, uri = _place("CheckpointConfig", config, _CHECKPOINTS, folder, "S3Uri")
    return FolderSync(client, local, uri, staging=folder / "sync/checkpoints", mirror_deletions=True)


def outputs(job: dict[str, Any], folder: Path, client: Callable[[], Any]) -> Iterator[FolderSync]:
    """DebugHookConfig and TensorBoardOutputConfig: uploaded below the job's name. Raises JobFailure."""
    for member, default, name in (
        ("DebugHookConfig", _TENSORS, "debug-output"),
        ("TensorBoardOutputConfig", _TENSORBOARD, "tensorboard-output"),
    ):
        if config := job.get(member):
            local, uri = _place(member, config, default, folder, "S3OutputPath")
            yield FolderSync(client, local, uri.join(job["TrainingJobName"], name), staging=folder / "sync" / name)


def write_hook_config(job: dict[str, Any], folder: Path) -> None:
    """Where SageMaker Debugger's hook, which frameworks' images may have, looks for its configuration."""
    if config := job.get("DebugHookConfig"):
        path = folder / "ml/input/config/debughookconfig.json"
        path.write_text(json.dumps({"LocalPath": _TENSORS, **config}), encoding="utf-8")


def _place(member: str, config: dict[str, Any], default: str, folder: Path, uri_member: str) -> tuple[Path, S3Uri]:
    try:
        uri = S3Uri.parse(config[uri_member])
        return host_path(folder, config.get("LocalPath", default)), S3Uri(uri.bucket, uri.key.rstrip("/"))
    except ValueError as error:
        raise JobFailure(f"ClientError: {member}: {error}") from error
