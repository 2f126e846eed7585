"""Which combinations of input mode, data type and instance groups a job may ask for.

Sources: API shapes Channel, S3DataSource, ResourceConfig, InstanceGroup, ProcessingS3Input.
"""

from __future__ import annotations

from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.limits import require_unique
from localcloud.sagemaker.resources.resource import Document

_DATA_TYPES = ("S3Prefix", "ManifestFile", "AugmentedManifestFile")


def check_channel(channel: Document, request: Document) -> None:
    """One channel of a CreateTrainingJob request, whose DataSource is S3DataSource. Raises ValidationException."""
    source = channel["DataSource"]["S3DataSource"]
    mode = channel.get("InputMode") or request["AlgorithmSpecification"]["TrainingInputMode"]
    where = f"channel '{channel['ChannelName']}'"
    if source["S3DataType"] not in _DATA_TYPES:
        raise ValidationException(
            f"The embedded cloud covers the S3DataTypes {', '.join(_DATA_TYPES)}; found {source['S3DataType']} "
            f"in {where}"
        )
    for member in ("CompressionType", "RecordWrapperType"):
        _only_in_pipe_mode(member, channel.get(member, "None"), mode, where)
    _check_attributes(source, mode, where)
    _check_group_names(source, request.get("ResourceConfig", {}), where)


def check_processing_input(name: str, source: Document) -> None:
    """One S3Input of a CreateProcessingJob request. Raises ValidationException."""
    mode = source.get("S3InputMode", "File")
    _only_in_pipe_mode("S3CompressionType", source.get("S3CompressionType", "None"), mode, f"input '{name}'")


def check_instance_groups(resources: Document) -> None:
    """A ResourceConfig with InstanceGroups. Raises ValidationException."""
    for member in ("InstanceType", "InstanceCount"):
        if member in resources:
            raise ValidationException(
                f"{member} '{resources[member]}' and InstanceGroups cannot be specified together in ResourceConfig"
            )
    if resources.get("KeepAlivePeriodInSeconds"):
        raise ValidationException(
            f"KeepAlivePeriodInSeconds '{resources['KeepAlivePeriodInSeconds']}' cannot be specified with "
            "InstanceGroups: heterogeneous clusters have no warm pools"
        )
    groups = resources["InstanceGroups"]
    require_unique((group["InstanceGroupName"] for group in groups), "instance group name")
    for index, group in enumerate(groups, 1):
        if group["InstanceCount"] < 1:
            raise ValidationException(
                f"1 validation error detected: Value '{group['InstanceCount']}' at "
                f"'resourceConfig.instanceGroups.{index}.member.instanceCount' failed to satisfy constraint: "
                "Member must have value greater than or equal to 1"
            )


def _only_in_pipe_mode(member: str, value: str, mode: str, where: str) -> None:
    if value != "None" and mode != "Pipe":
        raise ValidationException(f"{member} '{value}' can be used only in Pipe input mode; {where} has {mode}")


def _check_attributes(source: Document, mode: str, where: str) -> None:
    augmented = source["S3DataType"] == "AugmentedManifestFile"
    names = source.get("AttributeNames", [])
    if augmented and mode != "Pipe":
        raise ValidationException(
            f"S3DataType 'AugmentedManifestFile' can be used only in Pipe input mode; {where} has {mode}"
        )
    if augmented and not names:
        raise ValidationException(f"AttributeNames must be specified for S3DataType 'AugmentedManifestFile' in {where}")
    if names and not augmented:
        raise ValidationException(
            f"AttributeNames {names} can be specified only for S3DataType 'AugmentedManifestFile'; {where} has "
            f"{source['S3DataType']}"
        )
    require_unique(names, "attribute name")


def _check_group_names(source: Document, resources: Document, where: str) -> None:
    known = [group["InstanceGroupName"] for group in resources.get("InstanceGroups", [])]
    for name in source.get("InstanceGroupNames", []):
        if name not in known:
            raise ValidationException(
                f"Instance group '{name}' of InstanceGroupNames in {where} is not one of ResourceConfig's "
                f"InstanceGroups {known}"
            )
