"""Application Auto Scaling by boto3: the metric goes up, and real server processes are added."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.embedded_cloud import EmbeddedCloud, allow, eventually, unique
from tests.support.hosting import Hosting, build_server

DIMENSION = "sagemaker:variant:DesiredInstanceCount"


@pytest.fixture(scope="module")
def hosting(cloud: EmbeddedCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosting]:
    build_server(cloud, tmp_path_factory.mktemp("image"))
    yield Hosting(cloud)


@pytest.fixture(scope="module")
def endpoint(hosting: Hosting) -> str:
    name = hosting.endpoint(hosting.config(hosting.model_data("scaled")))
    assert hosting.settled(name)["EndpointStatus"] == "InService"
    return name


def _target(endpoint: str) -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/primary",
        "ScalableDimension": DIMENSION,
    }


def _load(cloud: EmbeddedCloud, endpoint: str, value: float) -> None:
    """What three busy minutes leave in CloudWatch."""
    minute = time.time() // 60 * 60
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "primary"}]
    datum = {"MetricName": "InvocationsPerInstance", "Dimensions": dimensions, "Value": value}
    data = [{**datum, "Timestamp": minute - 60 * back} for back in range(5)]
    cloud.client("cloudwatch").put_metric_data(Namespace="AWS/SageMaker", MetricData=data)


def _counts(hosting: Hosting, endpoint: str) -> tuple[str, int]:
    found = hosting.sagemaker.describe_endpoint(EndpointName=endpoint)
    return found["EndpointStatus"], found["ProductionVariants"][0]["CurrentInstanceCount"]


@pytest.mark.real_effect("RegisterScalableTarget", "PutScalingPolicy", "DescribeScalingActivities")
@pytest.mark.real_effect("UpdateEndpointWeightsAndCapacities", "DeregisterScalableTarget")
def test_load_adds_instances_and_the_record_survives_a_killed_cloud(hosting: Hosting, endpoint: str) -> None:
    cloud = hosting.cloud
    autoscaling = cloud.client("application-autoscaling")
    autoscaling.register_scalable_target(**_target(endpoint), MinCapacity=1, MaxCapacity=2)
    policy = autoscaling.put_scaling_policy(
        **_target(endpoint),
        PolicyName="invocations",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 10.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        },
    )
    alarm_names = [alarm["AlarmName"] for alarm in policy["Alarms"]]
    made = cloud.client("cloudwatch").describe_alarms(AlarmNames=alarm_names)["MetricAlarms"]
    assert {alarm["Threshold"] for alarm in made} == {10.0, 9.0}
    _load(cloud, endpoint, 50.0)
    eventually(lambda: _counts(hosting, endpoint) == ("InService", 2))

    def activity() -> dict[str, Any] | None:
        (found,) = autoscaling.describe_scaling_activities(ServiceNamespace="sagemaker")["ScalingActivities"]
        return found if found["StatusCode"] == "Successful" else None

    assert eventually(activity)["Description"] == "Setting desired instance count to 2."
    role = autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"][0]["RoleARN"]
    assert cloud.client("iam").get_role(RoleName=role.rsplit("/", 1)[-1])["Role"]["Arn"] == role

    cloud.kill()
    hosting.cloud = EmbeddedCloud.start(cloud.state_dir, cloud.port)
    (policy,) = autoscaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert policy["PolicyName"] == "invocations"
    autoscaling.deregister_scalable_target(**_target(endpoint))
    assert cloud.client("cloudwatch").describe_alarms(AlarmNames=alarm_names)["MetricAlarms"] == []


def test_a_realtime_endpoint_does_not_scale_to_zero(hosting: Hosting, endpoint: str) -> None:
    autoscaling = hosting.cloud.client("application-autoscaling")
    with pytest.raises(ClientError, match="asynchronous"):
        autoscaling.register_scalable_target(**_target(endpoint), MinCapacity=0, MaxCapacity=2)
    with pytest.raises(ClientError, match="DesiredInstanceCount"):
        hosting.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": "primary", "DesiredInstanceCount": 0}],
        )


def test_a_target_of_nothing_is_refused(hosting: Hosting) -> None:
    autoscaling = hosting.cloud.client("application-autoscaling")
    with pytest.raises(autoscaling.exceptions.ClientError, match="endpoint/nowhere/variant/primary"):
        autoscaling.register_scalable_target(**_target("nowhere"), MinCapacity=1, MaxCapacity=2)


def test_a_role_needs_the_permission(hosting: Hosting, endpoint: str) -> None:
    cloud = hosting.cloud
    role = cloud.role(unique("reader"), "lambda.amazonaws.com", allow("application-autoscaling:Describe*"))
    iam = cloud.client("iam")
    trust = iam.get_role(RoleName=role.rsplit("/", 1)[-1])["Role"]["AssumeRolePolicyDocument"]
    trust["Statement"][0]["Principal"] = {"AWS": f"arn:aws:iam::{cloud.account}:root"}
    iam.update_assume_role_policy(RoleName=role.rsplit("/", 1)[-1], PolicyDocument=json.dumps(trust))
    keys = cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    autoscaling = cloud.client(
        "application-autoscaling",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker")
    with pytest.raises(ClientError) as refused:
        autoscaling.register_scalable_target(**_target(endpoint), MinCapacity=1, MaxCapacity=2)
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    message = refused.value.response["Error"]["Message"]
    assert "application-autoscaling:RegisterScalableTarget" in message
    assert ":scalable-target/" in message


def test_an_asynchronous_endpoint_without_instances_is_woken_by_its_backlog(hosting: Hosting) -> None:
    cloud, sagemaker = hosting.cloud, hosting.sagemaker
    autoscaling, cloudwatch = cloud.client("application-autoscaling"), cloud.client("cloudwatch")
    variants = sagemaker.describe_endpoint_config(EndpointConfigName=hosting.config(hosting.model_data("lazy")))
    name = unique("lazy")
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=variants["ProductionVariants"],
        AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": f"s3://{hosting.bucket}/out"}},
    )
    endpoint = hosting.endpoint(name)
    assert hosting.settled(endpoint)["EndpointStatus"] == "InService"
    autoscaling.register_scalable_target(**_target(endpoint), MinCapacity=0, MaxCapacity=1)
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint, DesiredWeightsAndCapacities=[{"VariantName": "primary", "DesiredInstanceCount": 0}]
    )
    eventually(lambda: _counts(hosting, endpoint) == ("InService", 0))
    policy = autoscaling.put_scaling_policy(
        **_target(endpoint),
        PolicyName="wake",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
    )
    alarm = {
        "MetricName": "HasBacklogWithoutCapacity",
        "Namespace": "AWS/SageMaker",
        "Dimensions": [{"Name": "EndpointName", "Value": endpoint}],
        "Statistic": "Average",
    }
    cloudwatch.put_metric_alarm(
        AlarmName=endpoint,
        **alarm,
        Period=60,
        EvaluationPeriods=2,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        AlarmActions=[policy["PolicyARN"]],
    )
    minute = time.time() // 60 * 60
    data = [
        {"MetricName": alarm["MetricName"], "Dimensions": alarm["Dimensions"], "Value": 1, "Timestamp": minute - 60 * n}
        for n in range(4)
    ]
    cloudwatch.put_metric_data(Namespace=alarm["Namespace"], MetricData=data)
    eventually(lambda: _counts(hosting, endpoint) == ("InService", 1))
