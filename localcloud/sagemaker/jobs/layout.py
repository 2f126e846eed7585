"""The folder /opt/ml of a training job, as "How Amazon SageMaker provides training information" describes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DEFAULT_CHECKPOINTS = "/opt/ml/checkpoints"
# The only network interface that every machine running the embedded cloud has.
_INTERFACE = "lo"
_FOLDERS = ("input/config", "input/data", "model", "output/data", "code")


def prepare_training(ml: Path, job: dict[str, Any], *, host: str, hosts: list[str]) -> None:
    """Creates the folders and writes hyperparameters.json, inputdataconfig.json and resourceconfig.json."""
    for folder in _FOLDERS:
        (ml / folder).mkdir(parents=True, exist_ok=True)
    config = ml / "input/config"
    _write(config / "hyperparameters.json", job.get("HyperParameters", {}))
    _write(config / "inputdataconfig.json", _channels(job))
    _write(config / "resourceconfig.json", training_resources(job["ResourceConfig"], host=host, hosts=hosts))


def training_resources(resources: dict[str, Any], *, host: str, hosts: list[str]) -> dict[str, Any]:
    """resourceconfig.json; one instance group, as without `InstanceGroups` in the request."""
    group = "homogeneousCluster"
    instance_type = resources.get("InstanceType", "")
    return {
        "current_host": host,
        "current_instance_type": instance_type,
        "current_group_name": group,
        "hosts": hosts,
        "instance_groups": [{"instance_group_name": group, "instance_type": instance_type, "hosts": hosts}],
        "network_interface_name": _INTERFACE,
    }


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


def _channels(job: dict[str, Any]) -> dict[str, Any]:
    return {channel["ChannelName"]: _channel(channel, job) for channel in job.get("InputDataConfig", [])}


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
