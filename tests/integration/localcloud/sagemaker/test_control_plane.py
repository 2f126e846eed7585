"""SageMaker's control plane inside the embedded cloud: behind its IAM, in front of its EventBridge, across a kill."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.sagemaker.store import Store
from tests.support.embedded_cloud import EmbeddedCloud, allow, eventually, policy, unique

CONTAINER = {"Image": "000000000000.dkr.ecr.us-east-1.amazonaws.com/serving:1"}
SPECIFICATION = {"Containers": [CONTAINER]}


def user(cloud: EmbeddedCloud, *statements: dict[str, Any]) -> Any:
    """A SageMaker client of a new IAM user with these permissions."""
    iam, name = cloud.client("iam"), unique("user")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="test", PolicyDocument=policy(*statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return cloud.client("sagemaker", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])


def denial(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return refused.value.response["Error"]["Message"]


def test_a_role_can_be_handed_over_only_with_pass_role_on_it(cloud: EmbeddedCloud) -> None:
    role = cloud.role(unique("serving"), "sagemaker.amazonaws.com")
    create = allow("sagemaker:CreateModel")
    request = {"ModelName": unique("m"), "PrimaryContainer": CONTAINER, "ExecutionRoleArn": role}
    message = denial(user(cloud, create).create_model, **request)
    assert f"is not authorized to perform: iam:PassRole on resource: {role}" in message

    elsewhere = allow("iam:PassRole", role) | {
        "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    }
    assert "iam:PassRole" in denial(user(cloud, create, elsewhere).create_model, **request)

    here = allow("iam:PassRole", role) | {
        "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    }
    assert user(cloud, create, here).create_model(**request)["ModelArn"].endswith(request["ModelName"])


def test_tagging_what_is_created_needs_add_tags(cloud: EmbeddedCloud) -> None:
    client = user(cloud, allow("sagemaker:CreateModel"))
    request = {"ModelName": unique("m"), "PrimaryContainer": CONTAINER}
    assert "sagemaker:AddTags" in denial(client.create_model, **request, Tags=[{"Key": "a", "Value": "b"}])
    client.create_model(**request)


@pytest.mark.parametrize("operation", ["create_endpoint", "update_endpoint"])
def test_an_endpoint_of_a_config_with_a_key_needs_a_grant_on_it(cloud: EmbeddedCloud, operation: str) -> None:
    root, name = cloud.client("sagemaker"), unique("keyed")
    key = f"arn:aws:kms:{cloud.region}:{cloud.account}:key/{uuid.uuid4()}"
    variant = {"VariantName": "primary", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    root.create_model(ModelName=name, PrimaryContainer=CONTAINER)
    root.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], KmsKeyId=key)
    if operation == "update_endpoint":
        root.create_endpoint(EndpointName=name, EndpointConfigName=name)
    client = user(cloud, allow(f"sagemaker:{operation.split('_')[0].capitalize()}Endpoint"))
    message = denial(getattr(client, operation), EndpointName=name, EndpointConfigName=name)
    assert f"is not authorized to perform: kms:CreateGrant on resource: {key}" in message


def test_a_grant_for_aws_is_enough_for_an_endpoint_with_a_key(cloud: EmbeddedCloud) -> None:
    root, name = cloud.client("sagemaker"), unique("granted")
    key = f"arn:aws:kms:{cloud.region}:{cloud.account}:key/{uuid.uuid4()}"
    variant = {"VariantName": "primary", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    root.create_model(ModelName=name, PrimaryContainer=CONTAINER)
    root.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], KmsKeyId=key)
    grant = allow("kms:CreateGrant", key) | {"Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}}}
    client = user(cloud, allow("sagemaker:CreateEndpoint"), grant)
    client.create_endpoint(EndpointName=name, EndpointConfigName=name)


def test_permissions_on_names_hold(cloud: EmbeddedCloud) -> None:
    prefix = f"arn:aws:sagemaker:{cloud.region}:{cloud.account}:model/"
    client = user(cloud, allow("sagemaker:CreateModel", f"{prefix}vision-*"))
    other = unique("speech")
    assert f"{prefix}{other}" in denial(client.create_model, ModelName=other, PrimaryContainer=CONTAINER)
    name = unique("vision")
    assert client.create_model(ModelName=name, PrimaryContainer=CONTAINER)["ModelArn"] == f"{prefix}{name}"


def queue_for_approvals(cloud: EmbeddedCloud, group: str) -> str:
    """The URL of a queue that hears of every approved package of the group."""
    events, sqs = cloud.client("events"), cloud.client("sqs")
    url = sqs.create_queue(QueueName=group)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": [group], "ModelApprovalStatus": ["Approved"]},
    }
    rule = events.put_rule(Name=group, EventPattern=json.dumps(pattern))["RuleArn"]
    send = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    send |= {"Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": rule}}}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(send)})
    events.put_targets(Rule=group, Targets=[{"Id": "queue", "Arn": arn}])
    return url


def received(cloud: EmbeddedCloud, queue: str) -> list[dict[str, Any]]:
    """The events that arrive in the queue first."""
    sqs = cloud.client("sqs")
    messages = eventually(lambda: sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"))
    return [json.loads(message["Body"]) for message in messages]


@pytest.mark.real_effect("UpdateModelPackage")
def test_an_approved_model_package_reaches_the_rule_that_waits_for_it(cloud: EmbeddedCloud) -> None:
    group, sagemaker = unique("digits"), cloud.client("sagemaker")
    queue = queue_for_approvals(cloud, group)
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    package = sagemaker.create_model_package(ModelPackageGroupName=group, InferenceSpecification=SPECIFICATION)
    sagemaker.update_model_package(ModelPackageArn=package["ModelPackageArn"], ModelApprovalStatus="Approved")

    (event,) = received(cloud, queue)
    assert event["source"] == "aws.sagemaker"
    assert event["resources"] == [package["ModelPackageArn"]]
    assert event["detail"]["ModelPackageVersion"] == 1
    assert event["detail"]["UpdatedModelPackageFields"] == ["ModelApprovalStatus"]


def test_concurrent_creates_of_one_name_make_one(cloud: EmbeddedCloud) -> None:
    name, client = unique("m"), cloud.client("sagemaker")

    def create(_: int) -> str:
        try:
            client.create_model(ModelName=name, PrimaryContainer=CONTAINER)
        except ClientError as error:
            return error.response["Error"]["Message"]
        return "created"

    with ThreadPoolExecutor(6) as pool:
        outcomes = sorted(pool.map(create, range(6)))
    assert outcomes[-1] == "created"
    assert all(outcome.startswith("Cannot create already existing model") for outcome in outcomes[:-1])


def test_what_was_acknowledged_is_there_after_a_kill(started: Callable[..., EmbeddedCloud]) -> None:
    cloud = started()
    client = cloud.client("sagemaker")
    client.create_model_package_group(ModelPackageGroupName="digits")
    client.create_model(ModelName="m", PrimaryContainer=CONTAINER, Tags=[{"Key": "a", "Value": "b"}])
    arn = client.create_model_package(ModelPackageGroupName="digits", InferenceSpecification=SPECIFICATION)[
        "ModelPackageArn"
    ]
    cloud.kill()
    revived = started(port=cloud.port)
    client = revived.client("sagemaker")
    model = client.describe_model(ModelName="m")
    assert client.list_tags(ResourceArn=model["ModelArn"])["Tags"] == [{"Key": "a", "Value": "b"}]
    assert client.describe_model_package(ModelPackageName=arn)["ModelPackageVersion"] == 1
    again = client.create_model_package(ModelPackageGroupName="digits", InferenceSpecification=SPECIFICATION)
    assert again["ModelPackageArn"].endswith("digits/2")


def test_an_event_that_a_killed_cloud_did_not_publish_is_published_by_the_next(
    started: Callable[..., EmbeddedCloud],
) -> None:
    cloud = started()
    queue = queue_for_approvals(cloud, "digits")
    client = cloud.client("sagemaker")
    client.create_model_package_group(ModelPackageGroupName="digits")
    client.create_model_package(ModelPackageGroupName="digits", InferenceSpecification=SPECIFICATION)
    cloud.kill()

    # What the killed process leaves when it dies between the commit and the event: a change that nobody heard of.
    store = Store(cloud.state_dir / "sagemaker" / "store.sqlite")
    store.update("model-package", "digits/1", _approve)
    store.close()

    revived = started(port=cloud.port)
    (event,) = received(revived, queue)
    assert event["detail"]["ModelApprovalStatus"] == "Approved"


def _approve(package: dict[str, Any]) -> None:
    package |= {"ModelApprovalStatus": "Approved", "LastModifiedTime": package["CreationTime"] + 1}
