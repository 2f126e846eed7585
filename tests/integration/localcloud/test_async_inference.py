"""InvokeEndpointAsync by boto3: S3 in, S3 out, SNS, and a queue that outlives the cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.embedded_cloud import EmbeddedCloud, allow, eventually, policy, unique
from tests.support.hosting import Hosting, build_server


@pytest.fixture(scope="module")
def hosting(cloud: EmbeddedCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosting]:
    build_server(cloud, tmp_path_factory.mktemp("image"))
    yield Hosting(cloud)


class Async:
    """An asynchronous endpoint whose topics a queue listens to."""

    def __init__(self, hosting: Hosting) -> None:
        self.hosting, cloud = hosting, hosting.cloud
        self.role = cloud.role(
            unique("async"),
            "sagemaker.amazonaws.com",
            allow(["s3:GetObject", "s3:PutObject", "sns:Publish"]),
            allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]),
        )
        self.sqs, sns = cloud.client("sqs"), cloud.client("sns")
        self.queue = self.sqs.create_queue(QueueName=unique("results"))["QueueUrl"]
        topic = sns.create_topic(Name=unique("results"))["TopicArn"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        send = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": policy({**send, "Resource": arn})})
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        config = hosting.config(hosting.model_data("patient"), self.role)
        variants = hosting.sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
        self.output = {
            "S3OutputPath": f"s3://{hosting.bucket}/out/",
            "S3FailurePath": f"s3://{hosting.bucket}/failed",
            "NotificationConfig": {
                "SuccessTopic": topic,
                "ErrorTopic": topic,
                "IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC"],
            },
        }
        self.config = unique("async")
        hosting.sagemaker.create_endpoint_config(
            EndpointConfigName=self.config,
            ProductionVariants=variants,
            AsyncInferenceConfig={
                "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 2},
                "OutputConfig": self.output,
            },
        )
        self.name = hosting.endpoint(self.config)
        assert hosting.settled(self.name)["EndpointStatus"] == "InService"

    def invoke(self, body: bytes, **members: Any) -> dict[str, Any]:
        key = unique("in")
        self.hosting.cloud.client("s3").put_object(Bucket=self.hosting.bucket, Key=key, Body=body)
        location = f"s3://{self.hosting.bucket}/{key}"
        return self.hosting.runtime.invoke_endpoint_async(
            EndpointName=self.name, InputLocation=location, ContentType="application/json", **members
        )

    def object(self, uri: str) -> dict[str, Any] | None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        s3 = self.hosting.cloud.client("s3")
        try:
            return s3.get_object(Bucket=bucket, Key=key)
        except s3.exceptions.NoSuchKey:
            return None

    def message(self) -> dict[str, Any] | None:
        found = self.sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=0).get("Messages")
        if not found:
            return None
        self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=found[0]["ReceiptHandle"])
        return json.loads(json.loads(found[0]["Body"])["Message"])


@pytest.fixture(scope="module")
def queued(hosting: Hosting) -> Async:
    return Async(hosting)


@pytest.mark.real_effect("InvokeEndpointAsync")
def test_the_answer_lands_in_s3_and_the_topic_hears_of_it(queued: Async) -> None:
    answer = queued.invoke(b"12345", InferenceId="mine")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert answer["InferenceId"] == "mine"
    assert answer["OutputLocation"].startswith(queued.output["S3OutputPath"])
    assert answer["FailureLocation"].startswith(queued.output["S3FailurePath"])
    found = eventually(lambda: queued.object(answer["OutputLocation"]))
    assert found["ContentType"] == "application/json"
    assert json.loads(found["Body"].read()) == {"model": "patient", "size": 5}
    message = eventually(queued.message)
    assert (message["invocationStatus"], message["inferenceId"]) == ("Completed", "mine")
    assert message["responseParameters"]["outputLocation"] == answer["OutputLocation"]
    assert message["responseBody"]["encoding"] == "BASE64"
    assert queued.object(answer["FailureLocation"]) is None


def test_an_output_may_have_a_name_of_its_own(queued: Async) -> None:
    answer = queued.invoke(b"1", S3OutputPathExtension="today", Filename="result.json")
    assert answer["OutputLocation"] == f"{queued.output['S3OutputPath']}today/result.json"
    eventually(lambda: queued.object(answer["OutputLocation"]))
    eventually(queued.message)


def test_a_model_error_lands_in_the_failure_path(queued: Async) -> None:
    answer = queued.invoke(b"fail")
    found = eventually(lambda: queued.object(answer["FailureLocation"]))
    assert json.loads(found["Body"].read()) == {"error": "weights exploded"}
    message = eventually(queued.message)
    assert message["invocationStatus"] == "Failed"
    assert "Received server error (500) from model" in message["failureReason"]
    assert queued.object(answer["OutputLocation"]) is None


def test_an_input_that_is_not_there_is_a_failure(queued: Async) -> None:
    answer = queued.hosting.runtime.invoke_endpoint_async(
        EndpointName=queued.name, InputLocation=f"s3://{queued.hosting.bucket}/nothing"
    )
    found = eventually(lambda: queued.object(answer["FailureLocation"]))
    assert b"Unable to download the request payload" in found["Body"].read()
    eventually(queued.message)


def test_each_kind_of_endpoint_takes_its_own_operation(queued: Async) -> None:
    with pytest.raises(ClientError, match="use InvokeEndpointAsync"):
        queued.hosting.invoke(queued.name)
    described = queued.hosting.sagemaker.describe_endpoint(EndpointName=queued.name)
    assert described["AsyncInferenceConfig"]["OutputConfig"] == queued.output
    with pytest.raises(ClientError, match="Endpoint nowhere of account"):
        queued.hosting.runtime.invoke_endpoint_async(EndpointName="nowhere", InputLocation="s3://b/k")
    with pytest.raises(ClientError, match="Exactly one of InputLocation and Body"):
        queued.hosting.runtime.invoke_endpoint_async(EndpointName=queued.name)


def test_the_queue_waits_for_capacity_and_outlives_a_killed_cloud(queued: Async) -> None:
    hosting = queued.hosting
    sagemaker = hosting.sagemaker

    def scale(count: int) -> None:
        desired = [{"VariantName": "primary", "DesiredInstanceCount": count}]
        sagemaker.update_endpoint_weights_and_capacities(EndpointName=queued.name, DesiredWeightsAndCapacities=desired)
        assert hosting.settled(queued.name)["ProductionVariants"][0]["CurrentInstanceCount"] == count

    scale(0)
    answers = [queued.invoke(b"x" * size) for size in range(1, 6)]
    cloud = hosting.cloud
    eventually(lambda: list(cloud.state_dir.glob("generations/*")))
    cloud.kill()
    hosting.cloud = EmbeddedCloud.start(cloud.state_dir, cloud.port)
    eventually(lambda: sagemaker.describe_endpoint(EndpointName=queued.name)["EndpointStatus"] == "InService")
    assert all(queued.object(answer["OutputLocation"]) is None for answer in answers)
    scale(1)
    sizes = [
        json.loads(eventually(lambda a=answer: queued.object(a["OutputLocation"]))["Body"].read())["size"]
        for answer in answers
    ]
    assert sizes == [1, 2, 3, 4, 5]
