"""Input modes, data types and instance groups that do not go together are refused, naming the value."""

from __future__ import annotations

from typing import Any

import pytest

from ..conftest import IMAGE, ROLE, ControlPlane, error_of

GROUPS = {
    "VolumeSizeInGB": 1,
    "InstanceGroups": [
        {"InstanceGroupName": "data", "InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
        {"InstanceGroupName": "train", "InstanceType": "ml.m5.large", "InstanceCount": 2},
    ],
}


def _request(source: dict[str, Any] | None = None, resources: dict[str, Any] | None = None, **channel: Any) -> dict:
    located = {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/x", **(source or {})}
    return {
        "TrainingJobName": "job",
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "Pipe"},
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
        "ResourceConfig": resources or {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": located}, **channel}],
    }


@pytest.mark.parametrize(
    ("source", "channel", "message"),
    [
        ({}, {"InputMode": "File", "CompressionType": "Gzip"}, "CompressionType 'Gzip' can be used only in Pipe"),
        ({}, {"InputMode": "FastFile", "RecordWrapperType": "RecordIO"}, "RecordWrapperType 'RecordIO' can be used"),
        (
            {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["a"]},
            {"InputMode": "File"},
            "'AugmentedManifestFile' can be used only in Pipe input mode; channel 'train' has File",
        ),
        ({"S3DataType": "AugmentedManifestFile"}, {}, "AttributeNames must be specified"),
        ({"AttributeNames": ["a"]}, {}, "AttributeNames ['a'] can be specified only for"),
        ({"S3DataType": "AugmentedManifestFile", "AttributeNames": ["a", "a"]}, {}, "Duplicate attribute name 'a'"),
        ({"S3DataType": "Converse"}, {}, "found Converse"),
        ({"InstanceGroupNames": ["data"]}, {}, "Instance group 'data' of InstanceGroupNames in channel 'train'"),
    ],
)
def test_what_does_not_go_together_is_refused(
    plane: ControlPlane, source: dict[str, Any], channel: dict[str, Any], message: str
) -> None:
    code, text = error_of(plane.client.create_training_job, **_request(source, **channel))
    assert code == "ValidationException"
    assert message in text


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({**GROUPS, "InstanceType": "ml.m5.large"}, "InstanceType 'ml.m5.large' and InstanceGroups cannot"),
        ({**GROUPS, "KeepAlivePeriodInSeconds": 60}, "KeepAlivePeriodInSeconds '60' cannot be specified"),
        ({**GROUPS, "InstanceGroups": GROUPS["InstanceGroups"][:1] * 2}, "Duplicate instance group name 'data'"),
        (
            {**GROUPS, "InstanceGroups": [{**GROUPS["InstanceGroups"][0], "InstanceCount": 0}]},
            "Value '0' at 'resourceConfig.instanceGroups.1.member.instanceCount'",
        ),
    ],
)
def test_malformed_instance_groups_are_refused(plane: ControlPlane, resources: dict[str, Any], message: str) -> None:
    code, text = error_of(plane.client.create_training_job, **_request(resources=resources))
    assert code == "ValidationException"
    assert message in text


@pytest.mark.parametrize(
    ("source", "channel"),
    [
        ({}, {"CompressionType": "Gzip", "RecordWrapperType": "RecordIO", "ShuffleConfig": {"Seed": 1}}),
        ({"S3DataType": "AugmentedManifestFile", "AttributeNames": ["a-ref", "b"]}, {}),
        ({"S3DataType": "ManifestFile", "InstanceGroupNames": ["train"]}, {"InputMode": "FastFile"}),
    ],
)
def test_what_goes_together_is_described_as_it_was_asked_for(
    plane: ControlPlane, source: dict[str, Any], channel: dict[str, Any]
) -> None:
    request = _request(source, GROUPS, **channel)
    plane.client.create_training_job(**request)
    described = plane.client.describe_training_job(TrainingJobName="job")
    assert described["InputDataConfig"] == request["InputDataConfig"]
    assert described["ResourceConfig"] == GROUPS


def test_compressed_processing_input_needs_pipe_mode(plane: ControlPlane) -> None:
    source = {"S3Uri": "s3://bucket/x", "LocalPath": "/opt/ml/processing/x", "S3DataType": "S3Prefix"}
    code, text = error_of(
        plane.client.create_processing_job,
        ProcessingJobName="job",
        RoleArn=ROLE,
        AppSpecification={"ImageUri": IMAGE},
        ProcessingResources={"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}},
        ProcessingInputs=[{"InputName": "x", "S3Input": {**source, "S3CompressionType": "Gzip"}}],
    )
    assert (code, "S3CompressionType 'Gzip' can be used only in Pipe" in text) == ("ValidationException", True)
