"""The embedded cloud is killed again and again while clients write: every write that was acknowledged is there."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.support.embedded_cloud import EmbeddedCloud

KILLS, MOST_KILLS = 20, 80
SEED = 20
LONGEST_SECONDS = 0.4
CONTAINER = {"Image": "000000000000.dkr.ecr.us-east-1.amazonaws.com/serving:1"}


class Writers:
    """One client a service; each writes one numbered thing after the other, and notes what was acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, set[str]] = {name: set() for name in self.writes(None)}
        self.unexpected: list[str] = []
        self._numbers = iter(range(10**9))
        self._stop = threading.Event()

    def writes(self, cloud: EmbeddedCloud | None) -> dict[str, Callable[[str], object]]:
        """Service -> how it writes a thing of this name."""
        if cloud is None:
            return dict.fromkeys(("s3", "sqs", "dynamodb", "ssm", "sagemaker", "events"))
        once = Config(retries={"total_max_attempts": 1}, read_timeout=10)
        s3, sqs, dynamodb, ssm, sagemaker, events = (cloud.client(name, once) for name in self.acknowledged)
        queue = sqs.get_queue_url(QueueName="direct")["QueueUrl"]
        return {
            "s3": lambda name: s3.put_object(Bucket="bucket", Key=name, Body=name.encode()),
            "sqs": lambda name: sqs.send_message(QueueUrl=queue, MessageBody=name),
            "dynamodb": lambda name: dynamodb.put_item(TableName="table", Item={"name": {"S": name}}),
            "ssm": lambda name: ssm.put_parameter(Name=f"/{name}", Value=name, Type="String"),
            "sagemaker": lambda name: sagemaker.create_model(ModelName=name, PrimaryContainer=CONTAINER),
            "events": lambda name: events.put_events(
                Entries=[{"Source": "test", "DetailType": "test", "Detail": json.dumps({"name": name})}]
            ),
        }

    def run_until_killed(self, cloud: EmbeddedCloud, seconds: float) -> None:
        self._stop.clear()
        writes = self.writes(cloud)
        with ThreadPoolExecutor(len(writes)) as pool:
            running = [pool.submit(self._write, service, write) for service, write in writes.items()]
            time.sleep(seconds)
            cloud.kill()
            self._stop.set()
            for writer in running:
                writer.result()

    def have_written(self, least: int) -> bool:
        """Whether more than so many things are acknowledged by every service; on a busy machine it takes more kills."""
        return all(len(names) > least for names in self.acknowledged.values())

    def _write(self, service: str, write: Callable[[str], object]) -> None:
        while not self._stop.is_set():
            name = f"n-{next(self._numbers)}"
            try:
                write(name)
            except ClientError as error:
                self.unexpected.append(f"{service}: {error}")
            except BotoCoreError:
                return  # the server is dead
            else:
                self.acknowledged[service].add(name)


def prepare(cloud: EmbeddedCloud) -> None:
    cloud.client("s3").create_bucket(Bucket="bucket")
    cloud.client("dynamodb").create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    sqs, events = cloud.client("sqs"), cloud.client("events")
    sqs.create_queue(QueueName="direct")
    url = sqs.create_queue(QueueName="by-rule")["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule_arn = events.put_rule(Name="rule", EventPattern=json.dumps({"source": ["test"]}))["RuleArn"]
    events.put_targets(Rule="rule", Targets=[{"Id": "queue", "Arn": queue_arn}])
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Statement": [allow]})})


def kept(cloud: EmbeddedCloud) -> dict[str, set[str]]:
    """What is there, by service. Takes the messages out of the queues' sight."""
    s3, ssm, sagemaker = cloud.client("s3"), cloud.client("ssm"), cloud.client("sagemaker")
    items = cloud.client("dynamodb").get_paginator("scan").paginate(TableName="table")
    parameters = ssm.get_paginator("get_parameters_by_path").paginate(Path="/")
    objects = s3.get_paginator("list_objects_v2").paginate(Bucket="bucket")
    models = sagemaker.get_paginator("list_models").paginate()
    return {
        "s3": {item["Key"] for page in objects for item in page.get("Contents", ())},
        "sqs": set(messages(cloud, "direct")),
        "dynamodb": {item["name"]["S"] for page in items for item in page["Items"]},
        "ssm": {parameter["Value"] for page in parameters for parameter in page["Parameters"]},
        "sagemaker": {model["ModelName"] for page in models for model in page["Models"]},
        "events": {json.loads(message)["detail"]["name"] for message in messages(cloud, "by-rule")},
    }


def messages(cloud: EmbeddedCloud, queue: str) -> Iterator[str]:
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=30).get("Messages"):
        yield from (message["Body"] for message in batch)


def number_of_messages(cloud: EmbeddedCloud, queue: str) -> int:
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    shown = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(shown["Attributes"]["ApproximateNumberOfMessages"])


def test_no_acknowledged_write_is_lost_by_killing_at_random(started):
    moments = random.Random(SEED)  # noqa: S311
    cloud = started()
    prepare(cloud)
    writers = Writers()
    for kills in range(MOST_KILLS):
        if kills >= KILLS and writers.have_written(KILLS):
            break
        writers.run_until_killed(cloud, moments.uniform(0, LONGEST_SECONDS))
        cloud = started(port=cloud.port)
        assert number_of_messages(cloud, "direct") >= len(writers.acknowledged["sqs"])
        assert number_of_messages(cloud, "by-rule") >= len(writers.acknowledged["events"])
    there = kept(cloud)
    assert {service: names - there[service] for service, names in writers.acknowledged.items()} == {
        service: set() for service in writers.acknowledged
    }
    assert writers.have_written(KILLS), "too little was written to tell"
    assert writers.unexpected == []
    s3 = cloud.client("s3")
    for name in writers.acknowledged["s3"]:
        assert s3.get_object(Bucket="bucket", Key=name)["Body"].read() == name.encode()
