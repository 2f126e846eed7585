"""Batch Transform through the project's own model server: records in, predictions out, line by line."""

from __future__ import annotations

import io
import json
import tarfile
from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.images.registry import ImageRegistry
from tests.support.embedded_cloud import EmbeddedCloud, allow, eventually, unique
from tests.support.serving_image import DOCKERFILE, write_context

_S3 = ["s3:GetObject", "s3:PutObject", "s3:ListBucket"]
_LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
_ROWS = """
def total(row):
    return sum(row)
"""
_SUMS = """
from server import formats
from shared.rows import total

CONTENT_TYPES = formats.MEDIA_TYPES

def input_fn(body, content_type):
    return formats.numbers(formats.instances(body, content_type))

def predict_fn(data, model):
    return [{"sum": total(row), "rows": len(data)} for row in data]
"""


@pytest.fixture(scope="module")
def image(cloud: EmbeddedCloud, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The serving image of a workload, by the Dockerfile that every workload has."""
    context = tmp_path_factory.mktemp("context")
    write_context(context, "sums", {"inference.py": _SUMS}, shared={"__init__.py": "", "rows.py": _ROWS})
    registry = ImageRegistry(SimpleNamespace(state_dir=cloud.state_dir, account=cloud.account))
    registry.build(context, context / DOCKERFILE, {"WORKLOAD": "sums"}, "sums:1")
    return "sums:1"


@pytest.fixture(scope="module")
def model(cloud: EmbeddedCloud, image: str) -> tuple[str, str]:
    """The names of a model and of the bucket that its role may read and write."""
    bucket, name = unique("sums"), unique("sums")
    cloud.client("s3").create_bucket(Bucket=bucket)
    archive = io.BytesIO()
    tarfile.open(fileobj=archive, mode="w:gz").close()
    cloud.client("s3").put_object(Bucket=bucket, Key="model.tar.gz", Body=archive.getvalue())
    role = cloud.role(name, "sagemaker.amazonaws.com", allow(_S3), allow(_LOGS))
    container = {"Image": image, "ModelDataUrl": f"s3://{bucket}/model.tar.gz"}
    cloud.client("sagemaker").create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)
    return name, bucket


def transform(cloud: EmbeddedCloud, model: tuple[str, str], body: str, media_type: str, **members: Any) -> dict:
    """Runs a job over one file that is split into lines and sent as large as may be; the job, ended."""
    name, bucket = model
    job = unique("sums")
    cloud.client("s3").put_object(Bucket=bucket, Key=f"in/{job}/rows", Body=body.encode())
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/in/{job}/"}}
    cloud.client("sagemaker").create_transform_job(
        TransformJobName=job,
        ModelName=name,
        BatchStrategy="MultiRecord",
        MaxPayloadInMB=1,
        TransformInput={"DataSource": source, "ContentType": media_type, "SplitType": "Line"},
        TransformOutput={"S3OutputPath": f"s3://{bucket}/out/{job}", "Accept": media_type, "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **members,
    )

    def ended() -> dict | None:
        found = cloud.client("sagemaker").describe_transform_job(TransformJobName=job)
        return found if found["TransformJobStatus"] in ("Completed", "Failed", "Stopped") else None

    return eventually(ended, 60)


def output(cloud: EmbeddedCloud, model: tuple[str, str], job: dict) -> list[str]:
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    key = f"out/{job['TransformJobName']}/rows.out"
    return cloud.client("s3").get_object(Bucket=model[1], Key=key)["Body"].read().decode().splitlines()


def test_rows_of_csv_become_rows_of_csv(cloud: EmbeddedCloud, model: tuple[str, str]) -> None:
    job = transform(cloud, model, "".join(f"{n},1\n" for n in range(5000)), "text/csv")
    rows = [line.split(",") for line in output(cloud, model, job)]
    assert [float(row[0]) for row in rows] == [n + 1 for n in range(5000)]
    assert int(rows[0][1]) > 1  # they went together


def test_json_lines_become_json_lines_beside_their_records(cloud: EmbeddedCloud, model: tuple[str, str]) -> None:
    lines = "".join(f"[{n}, 0.5]\n" for n in range(1000))
    documents = [
        json.loads(line) for line in output(cloud, model, transform(cloud, model, lines, "application/jsonlines"))
    ]
    assert [document["sum"] for document in documents] == [n + 0.5 for n in range(1000)]


def test_a_join_puts_predictions_beside_the_rows(cloud: EmbeddedCloud, model: tuple[str, str]) -> None:
    processing = {"JoinSource": "Input", "OutputFilter": "$[0,1,2]"}
    job = transform(cloud, model, "1,2\n3,4\n", "text/csv", DataProcessing=processing)
    assert output(cloud, model, job) == ["1,2,3.0", "3,4,7.0"]


def test_a_row_that_cannot_be_read_is_named_in_the_data_log(cloud: EmbeddedCloud, model: tuple[str, str]) -> None:
    job = transform(cloud, model, "1,2\n3,x\n", "text/csv")
    assert job["TransformJobStatus"] == "Failed"
    assert "instances[1][1]: expected a number, got 'x'" in "\n".join(_data_log(cloud, job))


def _data_log(cloud: EmbeddedCloud, job: dict) -> list[str]:
    logs, group = cloud.client("logs"), "/aws/sagemaker/TransformJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job['TransformJobName']}/")
    names = [
        stream["logStreamName"] for stream in streams["logStreams"] if stream["logStreamName"].endswith("data-log")
    ]
    return [
        event["message"]
        for name in names
        for event in logs.get_log_events(logGroupName=group, logStreamName=name, startFromHead=True)["events"]
    ]
