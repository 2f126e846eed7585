"""Transform jobs, as boto3 sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.localcloud.sagemaker.conftest import ACCOUNT, REGION, ROLE, ControlPlane, error_of

ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:transform-job/score-1"


@pytest.fixture
def transform_job(deploy: Callable[..., str]) -> dict[str, Any]:
    """A CreateTransformJob request that is accepted."""
    return {
        "TransformJobName": "Score-1",
        "ModelName": deploy("digits"),
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/batch/"}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": "s3://artifacts/scores/", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
    }


def test_a_created_job_is_started_and_described(plane: ControlPlane, transform_job: dict[str, Any]) -> None:
    tags = [{"Key": "team", "Value": "a"}]
    assert plane.client.create_transform_job(**transform_job, Tags=tags)["TransformJobArn"] == ARN
    assert plane.jobs.calls == [("start", "transform-job", "Score-1")]
    job = plane.client.describe_transform_job(TransformJobName="Score-1")
    assert {name: job[name] for name in transform_job} == transform_job
    assert job["TransformJobStatus"] == "InProgress"
    assert "TransformStartTime" not in job
    assert plane.client.list_tags(ResourceArn=ARN)["Tags"] == tags


def test_the_job_keeps_the_model_as_it_was(plane: ControlPlane, transform_job: dict[str, Any]) -> None:
    plane.client.create_transform_job(**transform_job)
    plane.client.delete_model(ModelName="digits")
    kept = plane.store.get("transform-job", "Score-1")["_Model"]
    assert (kept["count"], kept["role_arn"], kept["model_data"]["uri"]) == (2, ROLE, "s3://artifacts/model.tar.gz")


def test_a_multi_model_container_is_refused(plane: ControlPlane, transform_job: dict[str, Any]) -> None:
    container = {"Image": "x", "Mode": "MultiModel", "ModelDataUrl": "s3://artifacts/models/"}
    plane.client.create_model(ModelName="many", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    code, message = error_of(plane.client.create_transform_job, **{**transform_job, "ModelName": "many"})
    assert (code, "has a multi-model container" in message) == ("ValidationException", True)


def test_the_caller_passes_no_role_because_the_model_has_it(plane: ControlPlane, transform_job: dict[str, Any]) -> None:
    plane.authorizer.asked.clear()
    plane.client.create_transform_job(**transform_job)
    assert plane.authorizer.asked == []


def test_a_taken_name_is_refused(plane: ControlPlane, transform_job: dict[str, Any]) -> None:
    plane.client.create_transform_job(**transform_job)
    code, message = error_of(plane.client.create_transform_job, **transform_job)
    assert code == "ResourceInUse"
    assert ARN in message


def test_a_missing_job_is_said_to_be_missing(plane: ControlPlane) -> None:
    for call in (plane.client.describe_transform_job, plane.client.stop_transform_job):
        code, message = error_of(call, TransformJobName="none")
        assert (code, message) == ("ValidationException", "Could not find requested job with name: none")


def test_a_missing_model_is_refused(plane: ControlPlane, transform_job: dict[str, Any]) -> None:
    code, message = error_of(plane.client.create_transform_job, **{**transform_job, "ModelName": "none"})
    assert code == "ValidationException"
    assert message == f'Could not find model "arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/none".'


def _with(request: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The request with members replaced, those of structures merged."""
    merged = {k: {**request.get(k, {}), **v} if isinstance(v, dict) else v for k, v in changes.items()}
    return {**request, **merged}


def _source(**members: str) -> dict[str, Any]:
    return {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/in", **members}}}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"MaxPayloadInMB": 101}, "101"),
        ({"MaxPayloadInMB": 20, "MaxConcurrentTransforms": 6}, "6 * MaxPayloadInMB 20"),
        ({"TransformInput": _source(S3DataType="AugmentedManifestFile")}, "AugmentedManifestFile"),
        ({"TransformInput": _source(S3Uri="https://data/in")}, "https://data/in"),
        ({"TransformOutput": {"S3OutputPath": "s3://Bad_Bucket/"}}, "Bad_Bucket"),
        ({"TransformResources": {"InstanceType": "ml.x9.huge"}}, "ml.x9.huge"),
        ({"DataProcessing": {"InputFilter": "$..a"}}, "Invalid JSONPath for InputFilter"),
        ({"DataProcessing": {"OutputFilter": "score"}}, "Invalid JSONPath for OutputFilter"),
        ({"DataProcessing": {"JoinSource": "Input"}, "TransformInput": {"ContentType": "image/png"}}, "image/png"),
        ({"DataProcessing": {"InputFilter": "$[1:]"}, "TransformInput": {"SplitType": "TFRecord"}}, "TFRecord"),
        ({"DataProcessing": {"JoinSource": "Input"}, "TransformOutput": {"Accept": "application/json"}}, "text/csv"),
        ({"DataProcessing": {"JoinSource": "Input"}, "TransformOutput": {"AssembleWith": "None"}}, "Line and None"),
        (
            {"DataCaptureConfig": {"DestinationS3Uri": "s3://captures/", "GenerateInferenceId": True},
             "TransformOutput": {"Accept": "image/png"}},
            "image/png",
        ),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_and_named(
    plane: ControlPlane, transform_job: dict[str, Any], changes: dict[str, Any], named: str
) -> None:
    code, message = error_of(plane.client.create_transform_job, **_with(transform_job, **changes))
    assert code == "ValidationException"
    assert named in message
    assert plane.jobs.calls == []


def test_stopping_is_passed_on_and_seen(plane: ControlPlane, transform_job: dict[str, Any]) -> None:
    plane.client.create_transform_job(**transform_job)
    plane.client.stop_transform_job(TransformJobName="Score-1")
    assert plane.jobs.calls[-1] == ("stop", "transform-job", "Score-1")
    (listed,) = plane.client.list_transform_jobs(StatusEquals="Stopping")["TransformJobSummaries"]
    assert listed["TransformJobName"] == "Score-1"
    assert plane.client.list_transform_jobs(StatusEquals="InProgress")["TransformJobSummaries"] == []


def test_every_status_is_an_event(plane: ControlPlane, transform_job: dict[str, Any]) -> None:
    plane.client.create_transform_job(**transform_job)
    plane.client.stop_transform_job(TransformJobName="Score-1")
    told = [d for kind, d in plane.events() if kind == "SageMaker Transform Job State Change"]
    assert [detail["TransformJobStatus"] for detail in told] == ["InProgress", "Stopping"]
    assert told[0]["TransformJobArn"] == ARN
    assert all(not name.startswith("_") for name in told[0])
