"""The function on its queue, as it is deployed: a burst of objects, with messages among them that nobody can handle."""

import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from request_training.records import Records
from shared.clients import client

from tests.support.embedded_cloud import EmbeddedCloud, allow, eventually, policy, unique

LAMBDAS = Path(__file__).parents[3] / "lambdas"
OBJECTS = 200
"""A burst of 1,000 goes the same way, and takes two minutes of a busy machine."""
POISON = 10
DATASET = "digits/20261112-080000-ab12"


def bundle() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for folder in ("request_training", "shared"):
            for file in sorted((LAMBDAS / folder).rglob("*.py")):
                archive.write(file, file.relative_to(LAMBDAS))
    return buffer.getvalue()


@pytest.fixture
def dead_letters(stage: Any, cloud: EmbeddedCloud, monkeypatch: pytest.MonkeyPatch) -> str:
    """Connects bucket, train machine, queue and function; the URL of the dead-letter queue."""
    name, sqs = unique("burst"), boto3.client("sqs")
    dead = sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
    redrive = {"deadLetterTargetArn": _arn(dead), "maxReceiveCount": 2}
    admit = {**allow("sqs:SendMessage", _arn(stage.queue_url)), "Principal": {"Service": "events.amazonaws.com"}}
    attributes = {"RedrivePolicy": json.dumps(redrive), "VisibilityTimeout": "20", "Policy": policy(admit)}
    sqs.set_queue_attributes(QueueUrl=stage.queue_url, Attributes=attributes)
    bucket = stage.descriptor["data"]["bucket"]
    told = {"EventBridgeConfiguration": {}}
    boto3.client("s3").put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=told)
    landed = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [bucket]}}}
    _rule(f"{name}-landed", landed, _arn(stage.queue_url))
    machine = {"stateMachineArn": [stage.descriptor["train_state_machine_arn"]], "status": ["SUCCEEDED"]}
    _rule(f"{name}-ended", {"source": ["aws.states"], "detail": machine}, _arn(stage.queue_url))
    function = cloud.client("lambda")
    function.create_function(
        FunctionName=name,
        Role=cloud.role(name, "lambda.amazonaws.com", allow("*")),
        Runtime="python3.13",
        Handler="request_training.handler.handler",
        Code={"ZipFile": bundle()},
        Timeout=60,
        Environment={
            "Variables": {
                "SLIPWAY_WORKLOADS_PATH": "/slipway/dev/workloads",
                "WORKLOAD": "digits",
                "ALERTS_TOPIC_ARN": stage.alerts_topic_arn,
                "QUEUE_URL": stage.queue_url,
                "REQUESTS_TABLE": stage.table,
            }
        },
    )
    function.create_event_source_mapping(
        EventSourceArn=_arn(stage.queue_url),
        FunctionName=name,
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    return dead


def test_a_burst_is_one_run_or_two_and_what_was_accepted_is_handled_or_a_dead_letter(
    stage: Any, dead_letters: str
) -> None:
    stage.describe(triggers=stage.descriptor["triggers"] | {"debounce_seconds": 1})
    keys = [f"{DATASET}/test/images.gz", *(f"{DATASET}/train/images-{number}.gz" for number in range(OBJECTS - 1))]
    for number in range(POISON):
        client("sqs").send_message(QueueUrl=stage.queue_url, MessageBody=f"no event {number}")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(stage.put, keys))
    records = Records(client("dynamodb"), stage.table)

    def all_handled() -> bool:
        request = records.get(DATASET.partition("/")[2])
        known = sum(not records.is_news(key, "0") for key in keys[-3:])
        return request is not None and not request.pending and known == 3 and _waiting(stage.queue_url) == 0

    eventually(all_handled, seconds=150)
    stage.await_end()
    inputs = [stage.execution_input(execution["executionArn"]) for execution in stage.executions()]
    assert len(inputs) in (1, 2)
    assert max(len(run["objects"]) for run in inputs) == OBJECTS
    assert _waiting(dead_letters) == POISON


def _waiting(queue_url: str) -> int:
    """Messages of the queue, whether they are visible, delayed or being handled."""
    kinds = ["ApproximateNumberOfMessages" + kind for kind in ("", "Delayed", "NotVisible")]
    attributes = client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=kinds)["Attributes"]
    return sum(int(attributes[kind]) for kind in kinds)


def _arn(queue_url: str) -> str:
    found = client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    return str(found["Attributes"]["QueueArn"])


def _rule(name: str, pattern: dict[str, Any], target: str) -> None:
    events = boto3.client("events")
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": target}])
