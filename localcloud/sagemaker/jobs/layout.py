"""The folder /opt/ml of a training job, as "How Amazon SageMaker provides training information" describes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from localcloud.sagemaker.jobs.instances import Group, channel_hosts, resource_config

# The only network interface that every machine running the embedded cloud has.
_INTERFACE = "lo"
_FOLDERS = ("input/config", "input/data", "model", "output/data", "code")


def prepare_training(ml: Path, job: dict[str, Any], *, host: str, groups: list[Group]) -> None:
    """Creates the folders and writes hyperparameters.json, inputdataconfig.json and resourceconfig.json."""
    for folder in _FOLDERS:
        (ml / folder).mkdir(parents=True, exist_ok=True)
    config = ml / "input/config"
    _write(config / "hyperparameters.json", job.get("HyperParameters", {}))
    channels = [channel for channel in job.get("InputDataConfig", []) if host in channel_hosts(channel, groups)]
    _write(config / "inputdataconfig.json", {channel["ChannelName"]: _channel(channel, job) for channel in channels})
    _write(config / "resourceconfig.json", resource_config(groups, host, interface=_INTERFACE))


def prepare_processing(ml: Path, job: dict[str, Any], *, host: str, hosts: list[str]) -> None:
    """Creates the folders and writes config/processingjobconfig.json and config/resourceconfig.json."""
    (ml / "config").mkdir(parents=True, exist_ok=True)
    (ml / "output").mkdir(exist_ok=True)
    members = (
        "ProcessingJobArn",
        "ProcessingJobName",
        "AppSpecification",
        "Environment",
        "ProcessingInputs",
        "ProcessingOutputConfig",
        "ProcessingResources",
        "RoleArn",
        "StoppingCondition",
    )
    _write(ml / "config/processingjobconfig.json", {name: job.get(name) for name in members})
    _write(ml / "config/resourceconfig.json", {"current_host": host, "hosts": hosts})


def _channel(channel: dict[str, Any], job: dict[str, Any]) -> dict[str, Any]:
    source = channel["DataSource"].get("S3DataSource", {})
    described = {
        "ContentType": channel.get("ContentType"),
        "TrainingInputMode": input_mode(channel, job),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    return {name: value for name, value in described.items() if value is not None}


def input_mode(channel: dict[str, Any], job: dict[str, Any]) -> str:
    """The channel's own mode, or the algorithm's."""
    return channel.get("InputMode") or job["AlgorithmSpecification"].get("TrainingInputMode", "File")


def _write(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document), encoding="utf-8")
