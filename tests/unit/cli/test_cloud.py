"""What the command line asks of a cloud, asked of a real one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from cli import data, descriptors, destroy, jobs, predict, stack, status
from cli.embedded import EmbeddedCloud
from cli.errors import CliError, CommandFailed, explained
from cli.target import Target
from tests.support.embedded_cloud import free_port

CHANNELS = {"train": ["train.csv"], "test": ["*.csv"]}
ALIEN = "arn:aws:states:us-east-1:000000000000:stateMachine:not-there"


@pytest.fixture
def bucket(target: Target) -> Iterator[str]:
    """A versioned bucket, emptied and deleted at the end by the code under test."""
    s3 = target.client("s3")
    s3.create_bucket(Bucket="cli-data")
    s3.put_bucket_versioning(Bucket="cli-data", VersioningConfiguration={"Status": "Enabled"})
    yield "cli-data"
    destroy._empty_bucket(target, "cli-data")
    s3.delete_bucket(Bucket="cli-data")


def descriptor(bucket: str) -> dict[str, Any]:
    return {"name": "numbers", "data": {"bucket": bucket, "prefix": "numbers/", "channels": CHANNELS}}


def keys(target: Target, bucket: str) -> list[str]:
    return [item["Key"] for item in target.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_a_running_cloud_is_found_again_and_not_started_twice(cloud: EmbeddedCloud) -> None:
    assert cloud.start() == EmbeddedCloud(state=cloud.state).start() == cloud.running()


def test_what_is_asked_of_a_cloud_that_has_begun_to_start_waits_until_it_is_ready(tmp_path: Path) -> None:
    cloud = EmbeddedCloud(state=tmp_path / "cloud", port=free_port())
    starting = cloud.begin()
    try:
        session = Target(stage="dev", endpoint=starting.endpoint)
        assert session.client("sts").get_caller_identity()["Account"] == "000000000000"
        starting.wait()
        assert cloud.running() == starting.endpoint
    finally:
        starting.wait()
        cloud.stop()


def test_a_cloud_that_does_not_come_up_says_why(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"preloaded_environments": "many"}')
    with pytest.raises(CommandFailed, match="preloaded_environments"):
        EmbeddedCloud(state=tmp_path, port=free_port()).begin().wait()


def test_a_port_that_is_taken_is_named(cloud: EmbeddedCloud, tmp_path: Path) -> None:
    with pytest.raises(CliError) as raised:
        EmbeddedCloud(state=tmp_path / "other", port=cloud.port).start()
    assert f"port {cloud.port}" in raised.value.message
    assert "--port" in raised.value.hint


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Target]:
    """A cloud that nothing was deployed to."""
    cloud = EmbeddedCloud(state=tmp_path / "cloud", port=free_port())
    yield Target(stage="dev", endpoint=cloud.start())
    cloud.stop()


def test_two_deployments_at_once_are_bootstrapped_once(empty: Target) -> None:
    with ThreadPoolExecutor() as deployments:
        list(deployments.map(lambda _: stack.bootstrap(empty, None), range(2)))
    assert stack.is_bootstrapped(empty)


def test_an_upload_writes_the_request_and_every_channel(target: Target, bucket: str, tmp_path: Path) -> None:
    for name in ("train/train.csv", "test/a.csv", "test/b.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assignment = data.assign(tmp_path, CHANNELS)
    dataset = data.upload(target, descriptor(bucket), assignment, {"epochs": "3"})
    prefix = f"numbers/{dataset}"
    assert keys(target, bucket) == [
        f"{prefix}/{name}" for name in ("request.json", "test/a.csv", "test/b.csv", "train/train.csv")
    ]
    request = target.client("s3").get_object(Bucket=bucket, Key=f"{prefix}/request.json")["Body"].read()
    assert json.loads(request) == {"hyperparameters": {"epochs": "3"}, "objects": 3}


def test_the_newest_data_set_is_the_complete_one_that_was_written_to_last(target: Target, bucket: str) -> None:
    with pytest.raises(CliError, match="no complete data set of numbers"):
        data.newest_dataset(target, descriptor(bucket))
    s3 = target.client("s3")
    for key in ("b/train/train.csv", "b/test/x.csv", "a/test/x.csv", "a/train/train.csv", "c/train/train.csv"):
        s3.put_object(Bucket=bucket, Key=f"numbers/{key}", Body=b"1")
    times = {item["Key"]: item["LastModified"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    newest = max(("a", "b"), key=lambda name: max(times[key] for key in times if key.startswith(f"numbers/{name}/")))
    assert data.newest_dataset(target, descriptor(bucket)) == newest


def test_an_emptied_bucket_has_no_version_marker_or_upload_left(target: Target, bucket: str) -> None:
    s3 = target.client("s3")
    for content in (b"1", b"2"):
        s3.put_object(Bucket=bucket, Key="twice", Body=content)
    s3.delete_object(Bucket=bucket, Key="twice")
    s3.create_multipart_upload(Bucket=bucket, Key="unfinished")
    destroy._empty_bucket(target, bucket)
    versions = s3.list_object_versions(Bucket=bucket)
    assert not versions.get("Versions")
    assert not versions.get("DeleteMarkers")
    assert not s3.list_multipart_uploads(Bucket=bucket).get("Uploads")


def test_nothing_lands_in_a_bucket_that_was_emptied(target: Target, bucket: str) -> None:
    """As S3's access logs would, hours later: CloudFormation would not delete it."""
    iam, policy = target.client("iam"), {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    iam.create_user(UserName="late")
    document = json.dumps({"Version": "2012-10-17", "Statement": [policy]})
    iam.put_user_policy(UserName="late", PolicyName="all", PolicyDocument=document)
    key = iam.create_access_key(UserName="late")["AccessKey"]
    late = boto3.client(
        "s3",
        endpoint_url=target.endpoint.url,
        region_name=target.session.region_name,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    late.put_object(Bucket=bucket, Key="before", Body=b"1")
    destroy._empty_bucket(target, bucket)
    with pytest.raises(ClientError, match="AccessDenied"):
        late.put_object(Bucket=bucket, Key="after", Body=b"1")
    assert keys(target, bucket) == []


def test_removing_what_is_not_there_is_no_error(target: Target) -> None:
    destroy._empty_bucket(target, "cli-never-made")
    destroy._empty_repository(target, "cli-never-made")
    gone = {
        "train_state_machine_arn": ALIEN,
        "rollout_state_machine_arn": ALIEN,
        "job_prefix": "slipway-dev-gone",
        "endpoint_name": "slipway-dev-gone",
        "model_package_group": "slipway-dev-gone",
    }
    nothing, key = ["cli-never-made"], "00000000-0000-4000-8000-000000000000"
    removal = destroy.Removal(
        target=target, workloads=[gone], buckets=nothing, repositories=nothing, tables=nothing, keys=[key]
    )
    removal._stop_runs(gone)
    removal._delete_serving(gone)
    removal._delete_retained()


def test_what_the_stacks_of_production_retain_goes_too_also_the_second_time(target: Target) -> None:
    name = "slipway-prod-retained"
    dynamodb, sagemaker, kms = (target.client(service) for service in ("dynamodb", "sagemaker", "kms"))
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    target.client("ecr").create_repository(repositoryName=name)
    target.client("s3").create_bucket(Bucket=name)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    removal = destroy.Removal(
        target=target,
        workloads=[{"model_package_group": name}],
        buckets=[name],
        repositories=[name],
        tables=[name],
        keys=[key],
    )
    for _ in range(2):
        removal._delete_retained()
        assert name not in dynamodb.list_tables()["TableNames"]
        assert sagemaker.list_model_package_groups(NameContains=name)["ModelPackageGroupSummaryList"] == []
        assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_only_the_models_of_the_workload_are_removed(target: Target) -> None:
    sagemaker = target.client("sagemaker")
    names = ["slipway-dev-digits-v1-0a1b2c3d", "slipway-dev-digits-and-more-v1-0a1b2c3d", "slipway-dev-digits-own"]
    image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/some:1"
    for name in names:
        sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn="arn:aws:iam::000000000000:role/model",
            PrimaryContainer={"Image": image},
        )
    workload = {"endpoint_name": "slipway-dev-digits", "model_package_group": "slipway-dev-digits"}
    destroy.Removal(target=target, workloads=[], buckets=[], repositories=[], tables=[], keys=[])._delete_serving(
        workload
    )
    assert {model["ModelName"] for model in sagemaker.list_models()["Models"]} == set(names[1:])
    for name in names[1:]:
        sagemaker.delete_model(ModelName=name)


def test_a_stage_that_is_not_deployed_says_so(target: Target) -> None:
    for ask in (descriptors.platform, descriptors.api, predict.api_key, lambda t: descriptors.workload(t, "digits")):
        with pytest.raises(CliError, match="Stage 'dev' is not deployed"):
            ask(target)


def test_an_unknown_workload_is_refused_with_the_known_ones(target: Target) -> None:
    ssm = target.client("ssm")
    for name in ("digits", "numbers"):
        ssm.put_parameter(Name=f"/slipway/blue/workloads/{name}", Type="String", Value=json.dumps({"name": name}))
    blue = Target(stage="blue", endpoint=target.endpoint)
    assert descriptors.workload(blue, "digits") == {"name": "digits"}
    with pytest.raises(CliError) as raised:
        descriptors.workload(blue, "letters")
    assert raised.value.hint == "Deployed are: digits, numbers"


def test_the_log_of_a_job_is_its_own_and_in_order(target: Target) -> None:
    logs = target.client("logs")
    logs.create_log_group(logGroupName=jobs.TRAINING_LOGS)
    for stream, text in (("one/algo-1", "b"), ("one/algo-2", "a"), ("two/algo-1", "other")):
        logs.create_log_stream(logGroupName=jobs.TRAINING_LOGS, logStreamName=stream)
        when = 1_760_000_000_000 + ord(text[0])
        event = {"timestamp": when, "message": f"{text}\n"}
        logs.put_log_events(logGroupName=jobs.TRAINING_LOGS, logStreamName=stream, logEvents=[event])
    assert jobs.tail(target, jobs.TRAINING_LOGS, "one/") == ["a", "b"]
    assert jobs.tail(target, jobs.TRAINING_LOGS, "one/", lines=1) == ["b"]
    assert jobs.tail(target, "/aws/sagemaker/Endpoints/none") == []


def test_a_job_that_does_not_exist_yet_is_starting(target: Target) -> None:
    assert jobs.training_progress(target, "slipway-dev-none", []) == "Starting"
    assert jobs.processing_progress(target, "slipway-dev-none") == "Starting"


def test_an_endpoint_that_does_not_exist_is_none(target: Target) -> None:
    assert status.endpoint(target, "slipway-dev-none") is None


def test_a_refused_call_is_explained_with_its_operation(target: Target) -> None:
    with pytest.raises(Exception) as raised:
        target.client("s3").get_object(Bucket="cli-never-made", Key="x")
    told = explained(raised.value)
    assert told is not None
    assert told.message.startswith("GetObject was refused: NoSuchBucket")
