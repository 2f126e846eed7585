"""What the stack's event path leans on: object -> EventBridge -> queue -> function, under the function's role."""

import io
import json
import zipfile

import pytest

from tests.support.embedded_cloud import EmbeddedCloud, allow, eventually, unique

SOURCE = """
import json, os, boto3
def handler(event, context):
    results = []
    for record in event["Records"]:
        detail = json.loads(record["body"])["detail"]
        bucket, key = detail["bucket"]["name"], detail["object"]["key"]
        try:
            body = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        except Exception as error:
            body = str(error)
        boto3.client("ssm").put_parameter(Name="/seen" + "/" + bucket, Value=body, Type="String")
"""


def _code() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", SOURCE)
    return buffer.getvalue()


def _connect(cloud: EmbeddedCloud, bucket: str, *statements: dict) -> None:
    """A bucket whose new objects reach a function through a rule and a queue."""
    s3, sqs, events = cloud.client("s3"), cloud.client("sqs"), cloud.client("events")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    queue = sqs.create_queue(QueueName=bucket, Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    admit = {**allow("sqs:SendMessage", arn), "Principal": {"Service": "events.amazonaws.com"}}
    sqs.set_queue_attributes(
        QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [admit]})}
    )
    pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name=bucket, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=bucket, Targets=[{"Id": "queue", "Arn": arn}])
    consume = allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], arn)
    role = cloud.role(bucket, "lambda.amazonaws.com", consume, allow("ssm:PutParameter"), *statements)
    cloud.client("lambda").create_function(
        FunctionName=bucket,
        Role=role,
        Runtime="python3.12",
        Handler="index.handler",
        Code={"ZipFile": _code()},
        Timeout=30,
    )
    cloud.client("lambda").create_event_source_mapping(EventSourceArn=arn, FunctionName=bucket, BatchSize=1)


@pytest.mark.parametrize("may_read", [True, False])
def test_an_object_reaches_the_function_which_acts_as_its_role(cloud, may_read):
    bucket = unique("events")
    _connect(cloud, bucket, *([allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*")] if may_read else []))
    cloud.client("s3").put_object(Bucket=bucket, Key="folder/a.txt", Body=b"content")
    ssm = cloud.client("ssm")

    def seen() -> list[dict]:
        return ssm.get_parameters(Names=[f"/seen/{bucket}"])["Parameters"]

    value = eventually(seen)[0]["Value"]
    assert (value == "content") if may_read else ("AccessDenied" in value and "s3:GetObject" in value), value


def test_an_event_whose_target_is_gone_is_a_dead_letter_and_none_is_lost(cloud: EmbeddedCloud) -> None:
    sqs, events, name = cloud.client("sqs"), cloud.client("events"), unique("outage")
    queue = cloud.subscribe(name, {"source": ["outage"], "detail": {"name": [name]}})
    dead = sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
    (target,) = events.list_targets_by_rule(Rule=name)["Targets"]
    letters = {"Arn": _arn_of(sqs, dead)}
    events.put_targets(Rule=name, Targets=[{**target, "DeadLetterConfig": letters}])

    def send(*numbers: int) -> None:
        details = [json.dumps({"name": name, "number": number}) for number in numbers]
        entries = [{"Source": "outage", "DetailType": "Sent", "Detail": detail} for detail in details]
        assert events.put_events(Entries=entries)["FailedEntryCount"] == 0

    send(0, 1, 2)
    taken = {event["detail"]["number"] for event in cloud.received(queue, 3)}
    sqs.delete_queue(QueueUrl=queue)
    send(3, 4, 5, 6)
    lost = cloud.received(dead, 4)
    assert taken | {event["detail"]["number"] for event in lost} == set(range(7))
    assert len(taken) + len(lost) == 7
    (message,) = sqs.receive_message(QueueUrl=dead, MessageAttributeNames=["All"])["Messages"]
    told = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert (told["ERROR_CODE"], told["TARGET_ARN"]) == ("RESOURCE_NOT_FOUND", target["Arn"])


FAILING = """
import boto3, json
def handler(event, context):
    failures = []
    for record in event["Records"]:
        number, deliveries = int(record["body"]), int(record["attributes"]["ApproximateReceiveCount"])
        if number % 3 == 0 or (number % 3 == 1 and deliveries < 3):
            failures.append({"itemIdentifier": record["messageId"]})
        else:
            boto3.client("sqs").send_message(QueueUrl=URL, MessageBody=record["body"])
    return {"batchItemFailures": failures}
"""


def test_a_function_that_is_down_for_a_while_handles_what_waited_and_the_rest_are_dead_letters(
    cloud: EmbeddedCloud,
) -> None:
    """A third always fails, a third twice: sent = handled + dead letters, and nothing is both."""
    sqs, name, count = cloud.client("sqs"), unique("down"), 18
    handled, dead = (sqs.create_queue(QueueName=f"{name}-{kind}")["QueueUrl"] for kind in ("handled", "dlq"))
    redrive = json.dumps({"deadLetterTargetArn": _arn_of(sqs, dead), "maxReceiveCount": 3})
    attributes = {"VisibilityTimeout": "3", "RedrivePolicy": redrive}
    queue = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    for number in range(count):
        sqs.send_message(QueueUrl=queue, MessageBody=str(number))
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", f"URL = {handled!r}" + FAILING)
    consume = allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], _arn_of(sqs, queue))
    role = cloud.role(name, "lambda.amazonaws.com", consume, allow("sqs:SendMessage", _arn_of(sqs, handled)))
    cloud.client("lambda").create_function(
        FunctionName=name, Role=role, Runtime="python3.12", Handler="index.handler", Code={"ZipFile": code.getvalue()}
    )
    cloud.client("lambda").create_event_source_mapping(
        EventSourceArn=_arn_of(sqs, queue),
        FunctionName=name,
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    assert _drained(sqs, dead, 6) == {number for number in range(count) if number % 3 == 0}
    assert _drained(sqs, handled, 12) == {number for number in range(count) if number % 3}


def _drained(sqs, queue: str, count: int) -> set[int]:
    """The numbers of the messages in a queue, once there are so many different ones."""
    found: set[int] = set()

    def drained() -> bool:
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            found.add(int(message["Body"]))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return len(found) >= count

    eventually(drained, seconds=60)
    return found


def _arn_of(sqs, queue: str) -> str:
    return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def test_what_a_function_wrote_is_in_its_log_before_its_answer(cloud: EmbeddedCloud) -> None:
    name, code = unique("printing"), io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", "def handler(event, context):\n    print(*event, sep='\\n', end='')\n")
    role = cloud.role(name, "lambda.amazonaws.com")
    functions, logs = cloud.client("lambda"), cloud.client("logs")
    functions.create_function(
        FunctionName=name, Role=role, Runtime="python3.12", Handler="index.handler", Code={"ZipFile": code.getvalue()}
    )
    for lines in (["one", "two"], [], [str(number) for number in range(500)]):
        functions.invoke(FunctionName=name, Payload=json.dumps(lines))
        group = {"logGroupName": f"/aws/lambda/{name}"}
        events = [
            event for page in logs.get_paginator("filter_log_events").paginate(**group) for event in page["events"]
        ]
        written = [event["message"].rstrip("\n") for event in events]
        start = max(index for index, line in enumerate(written) if line.startswith("START"))
        assert [line for line in written[start + 1 :] if not line.startswith(("END", "REPORT"))] == lines
