"""CloudFormation's SageMaker types."""

import json

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.embedded_cloud import EmbeddedCloud, eventually, unique


def _template(cloud: EmbeddedCloud, role: str, *, instances: int = 1, tag: str = "one") -> str:
    image = f"{cloud.account}.dkr.ecr.{cloud.region}.amazonaws.com/serving:1"
    tags = [{"Key": "stage", "Value": tag}]
    variant = {
        "VariantName": "primary",
        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
        "InitialInstanceCount": instances,
        "InstanceType": "ml.m5.large",
        "InitialVariantWeight": 1,
    }
    resources = {
        "Group": {
            "Type": "AWS::SageMaker::ModelPackageGroup",
            "Properties": {"ModelPackageGroupName": {"Ref": "AWS::StackName"}, "Tags": tags},
        },
        "Model": {
            "Type": "AWS::SageMaker::Model",
            "Properties": {"ExecutionRoleArn": role, "PrimaryContainer": {"Image": image}},
        },
        "Config": {"Type": "AWS::SageMaker::EndpointConfig", "Properties": {"ProductionVariants": [variant]}},
    }
    outputs = {
        "Group": {"Value": {"Ref": "Group"}},
        "Model": {"Value": {"Ref": "Model"}},
        "Config": {"Value": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}},
    }
    return json.dumps({"Resources": resources, "Outputs": outputs})


def _settled(cloud: EmbeddedCloud, name: str) -> dict:
    client = cloud.client("cloudformation")

    def done() -> dict | None:
        stack = client.describe_stacks(StackName=name)["Stacks"][0]
        return None if stack["StackStatus"].endswith("_IN_PROGRESS") else stack

    return eventually(done)


def _outputs(stack: dict) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


@pytest.fixture(scope="module")
def role(cloud):
    return cloud.role(unique("model"), "sagemaker.amazonaws.com")


def test_resources_are_made_updated_replaced_and_deleted(cloud, role):
    cloudformation, sagemaker, name = cloud.client("cloudformation"), cloud.client("sagemaker"), unique("stack")
    cloudformation.create_stack(StackName=name, TemplateBody=_template(cloud, role))
    created = _settled(cloud, name)
    assert created["StackStatus"] == "CREATE_COMPLETE", created
    first = _outputs(created)
    assert first["Group"] == f"arn:aws:sagemaker:{cloud.region}:{cloud.account}:model-package-group/{name}"
    config = sagemaker.describe_endpoint_config(EndpointConfigName=first["Config"])
    assert config["ProductionVariants"][0]["ModelName"] == first["Model"].rsplit("/", 1)[-1]

    cloudformation.update_stack(StackName=name, TemplateBody=_template(cloud, role, instances=2, tag="two"))
    updated = _settled(cloud, name)
    assert updated["StackStatus"] == "UPDATE_COMPLETE", updated
    second = _outputs(updated)
    assert (second["Group"], second["Model"]) == (first["Group"], first["Model"])
    assert second["Config"] != first["Config"]  # an endpoint config cannot be changed
    tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=second["Group"])["Tags"]}
    assert tags["stage"] == "two"
    eventually(lambda: _configs(sagemaker) == {second["Config"]})

    cloudformation.delete_stack(StackName=name)
    eventually(lambda: name not in {stack["StackName"] for stack in cloudformation.describe_stacks()["Stacks"]})
    assert _configs(sagemaker) == set()
    with pytest.raises(ClientError):
        sagemaker.describe_model_package_group(ModelPackageGroupName=name)


def _configs(sagemaker) -> set[str]:
    return {config["EndpointConfigName"] for config in sagemaker.list_endpoint_configs()["EndpointConfigs"]}


def test_what_the_api_refuses_is_the_stacks_reason(cloud, role):
    cloudformation, name = cloud.client("cloudformation"), unique("stack")
    group = {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {"ModelPackageGroupName": "under_score"}}
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"Group": group}}))
    assert _settled(cloud, name)["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [
        e.get("ResourceStatusReason", "") for e in cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    ]
    assert any("modelPackageGroupName" in reason for reason in reasons), reasons


def test_every_status_of_a_stack_is_an_event(cloud):
    cloudformation, name = cloud.client("cloudformation"), unique("stack")
    queue = cloud.subscribe(
        name, {"source": ["aws.cloudformation"], "detail-type": ["CloudFormation Stack Status Change"]}
    )
    group = {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {"ModelPackageGroupName": name}}
    template = json.dumps({"Resources": {"Group": group}})
    stack = cloudformation.create_stack(StackName=name, TemplateBody=template, ClientRequestToken="first")["StackId"]
    _settled(cloud, name)
    events = cloud.received(queue, 2)
    assert [event["detail"]["status-details"]["status"] for event in events] == [
        "CREATE_IN_PROGRESS",
        "CREATE_COMPLETE",
    ]
    for event in events:
        assert (event["source"], event["resources"]) == ("aws.cloudformation", [stack])
        assert event["detail"]["stack-id"] == stack
        assert event["detail"]["client-request-token"] == "first"
        assert event["id"]


def test_the_cdk_hears_of_a_change_when_it_is_done(cloud, role):
    cdk = cloud.client("cloudformation", Config(user_agent="aws-cdk/2.1148.1"))
    name = unique("stack")
    stack = cdk.create_stack(StackName=name, TemplateBody=_template(cloud, role))["StackId"]
    assert cdk.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    cdk.delete_stack(StackName=name)
    assert cdk.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"


def test_the_cdk_does_not_wait_for_a_change_set_that_nobody_executes(cloud, role):
    cdk = cloud.client(
        "cloudformation", Config(user_agent="aws-cdk/2.1148.1", read_timeout=30, retries={"max_attempts": 0})
    )
    name = unique("stack")
    cdk.create_change_set(
        StackName=name, ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=_template(cloud, role)
    )
    assert cdk.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
