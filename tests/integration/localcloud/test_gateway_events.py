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
