"""A run that failed late goes on where it failed, and people are told of the failure."""

from __future__ import annotations

import json
import time

import pytest

WAIT_LIMIT_SECONDS = 60


@pytest.fixture
def alerts(slipway):
    """The URL of a queue that gets what is published to the alerts topic."""
    sqs, sns, ssm = (slipway.client(service) for service in ("sqs", "sns", "ssm"))
    platform = json.loads(ssm.get_parameter(Name="/slipway/dev/platform")["Parameter"]["Value"])
    topic = platform["alerts_topic_arn"]
    queue = sqs.create_queue(QueueName="alerts-of-redrive")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    admit = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**admit, "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)
    yield queue
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])


def test_a_run_without_a_permission_is_told_of_and_goes_on_once_it_is_granted(slipway, numbers, alerts):
    iam, machine = slipway.client("iam"), slipway.descriptor("nearest_mean")["train_state_machine_arn"]
    described = slipway.client("stepfunctions").describe_state_machine(stateMachineArn=machine)
    role = described["roleArn"].rsplit("/", 1)[-1]
    deny = {"Effect": "Deny", "Action": "sagemaker:CreateModelPackage", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(RoleName=role, PolicyName="missing", PolicyDocument=document)
    try:
        train = ("train", "nearest_mean", "--data", str(numbers), "--set", "shift=0.03")
        failed = slipway.run(*train, ok=False)
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="missing")
    assert failed.returncode != 0
    for text in ("AccessDenied", "sagemaker:CreateModelPackage", "Register"):
        assert text in failed.stdout + failed.stderr
    run = max(slipway.executions("nearest_mean"), key=lambda execution: execution["startDate"])
    told = _alert(slipway, alerts, run["executionArn"])
    assert (told["status"], "sagemaker:CreateModelPackage" in told["cause"]) == ("FAILED", True)

    jobs = _jobs(slipway)
    outcome = slipway.json("rerun", run["name"], "--redrive", "--json")
    assert (outcome["run"], outcome["in_service"]) == (run["name"], True)
    assert _jobs(slipway) == jobs  # nothing that had succeeded was done again
    again = slipway.run("rerun", run["name"], "--redrive", ok=False)
    assert "SUCCEEDED and cannot be redriven" in again.stdout + again.stderr


def _jobs(slipway):
    """How many training and processing jobs there have been."""
    sagemaker = slipway.client("sagemaker")
    trained = sagemaker.list_training_jobs(MaxResults=100)["TrainingJobSummaries"]
    processed = sagemaker.list_processing_jobs(MaxResults=100)["ProcessingJobSummaries"]
    return len(trained), len(processed)


def _alert(slipway, queue, execution):
    deadline = time.monotonic() + WAIT_LIMIT_SECONDS
    while time.monotonic() < deadline:
        found = slipway.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in found.get("Messages", []):
            text = json.loads(message["Body"])["Message"]
            if execution in text:
                return json.loads(text)
    raise AssertionError(f"nobody was told of {execution} within {WAIT_LIMIT_SECONDS} s")
