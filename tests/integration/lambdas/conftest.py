"""An embedded cloud of its own with what the functions meet: buckets, a descriptor, a state machine, a topic with a
subscriber.
"""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from shared.clients import client

ROOT = Path(__file__).parents[3]
DESCRIPTOR = ROOT / "tests" / "events" / "workload_descriptor.json"
PORT = "4670"
WORKLOADS_PATH = "/slipway/dev/workloads"
PASS_MACHINE = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment variables that a client of the embedded cloud needs."""
    state = str(tmp_path_factory.mktemp("cloud"))
    command = [sys.executable, "-m", "localcloud"]
    started = subprocess.run(
        [*command, "start", "--state", state, "--port", PORT],
        cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=120,
    )  # fmt: skip
    about = json.loads(started.stdout)
    try:
        yield {
            "AWS_ENDPOINT_URL": about["endpoint_url"],
            "AWS_DEFAULT_REGION": about["region"],
            "AWS_ACCESS_KEY_ID": about["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": about["secret_access_key"],
        }
    finally:
        stopped = subprocess.run([*command, "stop", "--state", state], cwd=ROOT, timeout=60, check=False)
        if stopped.returncode:
            os.kill(about["pid"], signal.SIGKILL)


@dataclass(frozen=True)
class Stage:
    """One test's own workload `digits`, with resources of its own."""

    descriptor: dict[str, Any]
    alerts_queue_url: str

    def put(self, key: str, body: bytes = b"data") -> str:
        """Writes an object into the data bucket; its version id."""
        answer = client("s3").put_object(Bucket=self.descriptor["data"]["bucket"], Key=key, Body=body)
        return str(answer["VersionId"])

    def executions(self) -> list[dict[str, Any]]:
        arn = self.descriptor["train_state_machine_arn"]
        return client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]

    def execution_input(self, arn: str) -> dict[str, Any]:
        return json.loads(client("stepfunctions").describe_execution(executionArn=arn)["input"])

    def alerts(self) -> list[dict[str, Any]]:
        answer = boto3.client("sqs").receive_message(QueueUrl=self.alerts_queue_url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


@pytest.fixture(scope="session")
def cloud_session(cloud: dict[str, str]) -> boto3.Session:
    return boto3.Session(
        aws_access_key_id=cloud["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=cloud["AWS_SECRET_ACCESS_KEY"],
        region_name=cloud["AWS_DEFAULT_REGION"],
    )


@pytest.fixture
def stage(cloud: dict[str, str], cloud_session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    for name, value in cloud.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", cloud_session)  # boto3's own remembers credentials of other tests
    client.cache_clear()
    unique = uuid.uuid4().hex[:8]
    descriptor = json.loads(DESCRIPTOR.read_text())
    for part in ("data", "artifacts"):
        descriptor[part]["bucket"] = _versioned_bucket(f"{part}-{unique}")
    descriptor["train_state_machine_arn"] = _state_machine(f"train-{unique}")
    boto3.client("ssm").put_parameter(
        Name=f"{WORKLOADS_PATH}/digits", Value=json.dumps(descriptor), Type="String", Overwrite=True
    )
    topic, queue_url = _topic_with_subscriber(unique)
    monkeypatch.setenv("SLIPWAY_WORKLOADS_PATH", WORKLOADS_PATH)
    monkeypatch.setenv("ALERTS_TOPIC_ARN", topic)
    yield Stage(descriptor, queue_url)
    client.cache_clear()


@pytest.fixture
def context() -> SimpleNamespace:
    return SimpleNamespace(aws_request_id="8f5f3c2e-xmpl")


def _versioned_bucket(name: str) -> str:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def _state_machine(name: str) -> str:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    role = boto3.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    machine = boto3.client("stepfunctions").create_state_machine(
        name=name, definition=json.dumps(PASS_MACHINE), roleArn=role
    )
    return str(machine["stateMachineArn"])


def _topic_with_subscriber(unique: str) -> tuple[str, str]:
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    topic = sns.create_topic(Name=f"alerts-{unique}")["TopicArn"]
    url = sqs.create_queue(QueueName=f"alerts-{unique}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource":
            arn}
        ],
    }  # fmt: skip
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(allow)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return topic, url
