"""A stack fails after each of its resources in turn: nothing is left, or what was there before."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.embedded_cloud import EmbeddedCloud, eventually, unique

BROKEN = {"Type": "AWS::SageMaker::Model", "Properties": {"ExecutionRoleArn": "arn:aws:iam::1:role/none-at-all"}}
CHAIN = ("Queue", "Topic", "Table", "Parameter", "Group")


def template(name: str, *, value: str = "1", fails_after: str | None = None) -> str:
    """Resources of five services, each made after the one before it; `value` is what an update changes."""
    key = {"AttributeName": "k"}
    table = {"KeySchema": [{**key, "KeyType": "HASH"}], "AttributeDefinitions": [{**key, "AttributeType": "S"}]}
    made: dict[str, dict[str, Any]] = {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name, "VisibilityTimeout": int(value)}},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name, "DisplayName": value}},
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {"TableName": name, "BillingMode": "PAY_PER_REQUEST", **table},
        },
        "Parameter": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": f"/{name}", "Type": "String", "Value": value},
        },
        "Group": {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {"ModelPackageGroupName": name}},
        "Broken": BROKEN,
    }
    order = list(CHAIN)
    if fails_after:
        order.insert(order.index(fails_after) + 1, "Broken")
    chained = {
        each: {**made[each], **({"DependsOn": [order[place - 1]]} if place else {})} for place, each in enumerate(order)
    }
    return json.dumps({"Resources": chained})


def there(cloud: EmbeddedCloud, name: str) -> dict[str, str]:
    """Which of the resources exist, with their value where they have one."""
    sqs = cloud.client("sqs")
    queues = sqs.list_queues(QueueNamePrefix=name).get("QueueUrls", [])
    timeouts = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] for url in queues]
    topics = [topic["TopicArn"] for topic in cloud.client("sns").list_topics()["Topics"]]
    tables = cloud.client("dynamodb").list_tables()["TableNames"]
    parameters = cloud.client("ssm").get_parameters(Names=[f"/{name}"])["Parameters"]
    groups = cloud.client("sagemaker").list_model_package_groups(NameContains=name)["ModelPackageGroupSummaryList"]
    found = {
        "Queue": [attributes["VisibilityTimeout"] for attributes in timeouts],
        "Topic": ["" for topic in topics if topic.endswith(f":{name}")],
        "Table": ["" for table in tables if table == name],
        "Parameter": [parameter["Value"] for parameter in parameters],
        "Group": ["" for _ in groups],
    }
    return {kind: values[0] for kind, values in found.items() if values}


def settled(cloud: EmbeddedCloud, name: str) -> str:
    def status() -> str | None:
        (stack,) = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        return None if stack["StackStatus"].endswith("_IN_PROGRESS") else stack["StackStatus"]

    return eventually(status)


@pytest.mark.parametrize("resource", CHAIN)
def test_a_creation_that_fails_after_any_resource_leaves_nothing(cloud: EmbeddedCloud, resource: str) -> None:
    name = unique("chain")
    cloud.client("cloudformation").create_stack(StackName=name, TemplateBody=template(name, fails_after=resource))
    assert settled(cloud, name) == "ROLLBACK_COMPLETE"
    assert there(cloud, name) == {}


@pytest.mark.parametrize("resource", CHAIN)
def test_an_update_that_fails_after_any_resource_puts_back_what_was_there(cloud: EmbeddedCloud, resource: str) -> None:
    cloudformation, name = cloud.client("cloudformation"), unique("chain")
    cloudformation.create_stack(StackName=name, TemplateBody=template(name))
    assert settled(cloud, name) == "CREATE_COMPLETE"
    before = there(cloud, name)
    assert before.keys() == set(CHAIN)
    cloudformation.update_stack(StackName=name, TemplateBody=template(name, value="2", fails_after=resource))
    assert settled(cloud, name) == "UPDATE_ROLLBACK_COMPLETE"
    assert there(cloud, name) == before
