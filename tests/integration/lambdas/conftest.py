"""An embedded cloud of its own with what the functions meet: buckets, a descriptor, a state machine, a topic with a
subscriber.
"""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from shared.clients import client

from tests.support.embedded_cloud import EmbeddedCloud, policy, unique

DESCRIPTOR = Path(__file__).parents[2] / "events" / "workload_descriptor.json"
WORKLOADS_PATH = "/slipway/dev/workloads"
FAIL_MACHINE = {"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Bad", "Cause": "luck"}}}
PASS_MACHINE = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One test's own workload `digits`, with resources of its own."""

    descriptor: dict[str, Any]
    alerts_topic_arn: str
    alerts_queue_url: str
    table: str
    queue_url: str
    puts: dict[str, int] = field(default_factory=dict)

    def describe(self, **changes: Any) -> None:
        """Writes the workload's descriptor, with `changes`, to SSM."""
        value = json.dumps({**self.descriptor, **changes})
        boto3.client("ssm").put_parameter(Name=f"{WORKLOADS_PATH}/digits", Value=value, Type="String", Overwrite=True)

    def put(self, key: str, body: bytes = b"data") -> str:
        """Writes an object into the data bucket; its version id."""
        answer = client("s3").put_object(Bucket=self.descriptor["data"]["bucket"], Key=key, Body=body)
        self.puts[key] = self.puts.get(key, 0) + 1
        return str(answer["VersionId"])

    def sequencer(self, key: str) -> str:
        """Of the object's newest version, as S3 counts them up in its events."""
        return f"0061{self.puts.get(key, 0):04X}"

    def await_end(self) -> None:
        """Of every run that there is."""
        deadline = time.monotonic() + 30
        while any(execution["status"] == "RUNNING" for execution in self.executions()):
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def failed_run(self) -> str:
        """The name of a run of the train machine that failed."""
        states, arn = client("stepfunctions"), self.descriptor["train_state_machine_arn"]
        states.update_state_machine(stateMachineArn=arn, definition=json.dumps(FAIL_MACHINE))
        states.start_execution(stateMachineArn=arn, name="failed-1")
        self.await_end()
        return "failed-1"

    def executions(self) -> list[dict[str, Any]]:
        arn = self.descriptor["train_state_machine_arn"]
        return client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]

    def execution_input(self, arn: str) -> dict[str, Any]:
        return json.loads(client("stepfunctions").describe_execution(executionArn=arn)["input"])

    def reminders(self) -> list[dict[str, Any]]:
        """Messages that request_training sent to its own queue, and that are due; they stay hidden for a while."""
        answer = boto3.client("sqs").receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    def alerts(self) -> list[dict[str, Any]]:
        answer = boto3.client("sqs").receive_message(QueueUrl=self.alerts_queue_url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


@pytest.fixture(scope="module")
def cloud_session(cloud: EmbeddedCloud) -> boto3.Session:
    """One for a module, because a session's first client parses megabytes of service models."""
    return boto3.Session(
        aws_access_key_id=cloud.access_key_id, aws_secret_access_key=cloud.secret_access_key, region_name=cloud.region
    )


@pytest.fixture
def stage(cloud: EmbeddedCloud, cloud_session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.endpoint_url)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", cloud_session)  # boto3's own remembers credentials of other tests
    client.cache_clear()
    name = unique("digits")
    descriptor = json.loads(DESCRIPTOR.read_text())
    for part in ("data", "artifacts"):
        descriptor[part]["bucket"] = _versioned_bucket(f"{part}-{name}")
    descriptor |= {"model_package_group": name, "endpoint_name": name, "job_prefix": name}
    role = cloud.role(name, "states.amazonaws.com")
    descriptor["train_state_machine_arn"] = boto3.client("stepfunctions").create_state_machine(
        name=name, definition=json.dumps(PASS_MACHINE), roleArn=role
    )["stateMachineArn"]
    boto3.client("sagemaker").create_model_package_group(ModelPackageGroupName=name)
    topic, queue_url = _topic_with_subscriber(name)
    monkeypatch.setenv("SLIPWAY_WORKLOADS_PATH", WORKLOADS_PATH)
    monkeypatch.setenv("ALERTS_TOPIC_ARN", topic)
    monkeypatch.setenv("WORKLOAD", "digits")
    monkeypatch.setenv("REQUESTS_TABLE", _requests_table(name))
    monkeypatch.setenv("QUEUE_URL", boto3.client("sqs").create_queue(QueueName=f"objects-{name}")["QueueUrl"])
    stage = Stage(
        descriptor=descriptor,
        alerts_topic_arn=topic,
        alerts_queue_url=queue_url,
        table=os.environ["REQUESTS_TABLE"],
        queue_url=os.environ["QUEUE_URL"],
    )
    stage.describe()
    yield stage
    client.cache_clear()


@pytest.fixture
def context() -> SimpleNamespace:
    return SimpleNamespace(aws_request_id="8f5f3c2e-xmpl")


def _versioned_bucket(name: str) -> str:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def _requests_table(name: str) -> str:
    boto3.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "kind", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("kind", "id")],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def _topic_with_subscriber(unique: str) -> tuple[str, str]:
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    topic = sns.create_topic(Name=f"alerts-{unique}")["TopicArn"]
    url = sqs.create_queue(QueueName=f"alerts-{unique}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sender = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    queue_policy = policy({**sender, "Resource": arn})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": queue_policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return topic, url
