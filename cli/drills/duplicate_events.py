"""The same event of an object, delivered again and again."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from cli.drills import trainings
from cli.drills.drill import Result
from cli.drills.stage import Stage
from cli.errors import CliError

DELIVERIES = 10
DRAIN_LIMIT_SECONDS = 300.0
ARRIVAL_LIMIT_SECONDS = 60.0
_SETTLED_SECONDS = 3.0
"""How long the queue has to stay empty: a message between receipt and deletion may be in neither count."""


class DuplicateEvents:
    keeps_version = False

    def refusal(self, stage: Stage) -> str | None:
        return trainings.no_run(stage)

    def play(self, stage: Stage) -> Result:
        ending = trainings.followed(stage, lambda: trainings.copied(stage), lambda dataset: _repeat(stage, dataset))
        _await_drained(stage)
        started = len(trainings.executions_of(stage, ending.dataset))
        stage.timeline.add(f"runs of data set {ending.dataset}: {started}")
        result = ending.finished()
        if started != 1:
            result.problems.append(f"{started} runs of one data set")
        return result


def _repeat(stage: Stage, dataset: str) -> None:
    where = stage.descriptor["data"]
    prefix = f"{where['prefix']}{dataset}/"
    s3, sqs = stage.target.client("s3"), stage.target.client("sqs")
    stored = s3.list_objects_v2(Bucket=where["bucket"], Prefix=prefix)["Contents"]
    newest = max((item for item in stored if item["Key"].count("/") > prefix.count("/")), key=_modified)
    version = s3.head_object(Bucket=where["bucket"], Key=newest["Key"])["VersionId"]
    event = json.dumps(_created(stage, where["bucket"], newest, version, _sequencer(stage, newest["Key"])))
    for _ in range(DELIVERIES):
        sqs.send_message(QueueUrl=_queue(stage), MessageBody=event)
    stage.timeline.add(f"the event of {newest['Key']} is delivered {DELIVERIES} times more")


def _modified(item: dict[str, Any]) -> Any:
    return item["LastModified"]


def _sequencer(stage: Stage, key: str) -> str:
    """That of the object's own event, which the stack keeps (docs/contract.md, "Table of training requests")."""
    table, item = f"{stage.descriptor['job_prefix']}-training-requests", {"kind": {"S": "object"}, "id": {"S": key}}
    deadline = time.monotonic() + ARRIVAL_LIMIT_SECONDS
    while time.monotonic() < deadline:
        found = stage.target.client("dynamodb").get_item(TableName=table, Key=item, ConsistentRead=True)
        if "Item" in found:
            return found["Item"]["sequencer"]["S"]
        time.sleep(stage.target.poll_seconds / 5)
    raise CliError(f"The event of {key} did not arrive within {ARRIVAL_LIMIT_SECONDS:.0f} s.")


def _created(stage: Stage, bucket: str, item: dict[str, Any], version: str, sequencer: str) -> dict[str, Any]:
    """EventBridge's event "Object Created" of S3."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": stage.descriptor["train_state_machine_arn"].split(":")[4],
        "time": item["LastModified"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": stage.target.session.region_name,
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {
                "key": item["Key"],
                "size": item["Size"],
                "etag": item["ETag"].strip('"'),
                "version-id": version,
                "sequencer": sequencer,
            },
            "request-id": "DRILL",
            "requester": stage.descriptor["train_state_machine_arn"].split(":")[4],
            "source-ip-address": "127.0.0.1",
            "reason": "CopyObject",
        },
    }


def _queue(stage: Stage) -> str:
    return stage.target.client("sqs").get_queue_url(QueueName=f"{stage.descriptor['job_prefix']}-objects")["QueueUrl"]


def _await_drained(stage: Stage) -> None:
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    deadline, since = time.monotonic() + DRAIN_LIMIT_SECONDS, time.monotonic()
    while time.monotonic() - since < _SETTLED_SECONDS:
        if time.monotonic() > deadline:
            raise CliError(f"The queue of events was not empty within {DRAIN_LIMIT_SECONDS:.0f} s.")
        sqs = stage.target.client("sqs")
        found = sqs.get_queue_attributes(QueueUrl=_queue(stage), AttributeNames=counts)["Attributes"]
        if any(int(found[name]) for name in counts):
            since = time.monotonic()
        time.sleep(stage.target.poll_seconds)
