"""A stack that serves: endpoints, and their scaling, created, updated, rolled back and deleted by CloudFormation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.embedded_cloud import EmbeddedCloud, eventually, unique
from tests.support.hosting import Hosting, build_server

_SECONDS = 60


@pytest.fixture(scope="module")
def hosting(cloud: EmbeddedCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosting]:
    build_server(cloud, tmp_path_factory.mktemp("image"))
    yield Hosting(cloud)


def _template(role: str) -> str:
    variant = {
        "VariantName": "primary",
        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
        "InitialInstanceCount": {"Ref": "Instances"},
        "InstanceType": "ml.m5.large",
        "InitialVariantWeight": 1,
    }
    target = {
        "ServiceNamespace": "sagemaker",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "ResourceId": {"Fn::Sub": "endpoint/${Endpoint.EndpointName}/variant/primary"},
        "MinCapacity": 1,
        "MaxCapacity": {"Ref": "Most"},
        "ScheduledActions": [
            {
                "ScheduledActionName": "night",
                "Schedule": "cron(0 3 * * ? *)",
                "ScalableTargetAction": {"MaxCapacity": 1},
            }
        ],
    }
    policy = {
        "PolicyName": "load",
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": {"Ref": "Target"},
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": {"Ref": "Load"},
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        },
    }
    container = {"Image": "tiny-server:1", "ModelDataUrl": {"Ref": "Data"}}
    types: dict[str, tuple[str, dict[str, Any]]] = {
        "Model": ("SageMaker::Model", {"ExecutionRoleArn": role, "PrimaryContainer": container}),
        "Config": ("SageMaker::EndpointConfig", {"ProductionVariants": [variant]}),
        "Endpoint": (
            "SageMaker::Endpoint",
            {"EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}},
        ),
        "Target": ("ApplicationAutoScaling::ScalableTarget", target),
        "Policy": ("ApplicationAutoScaling::ScalingPolicy", policy),
    }
    parameters = {name: {"Type": "Number"} for name in ("Instances", "Most", "Load")}
    document = {
        "Parameters": {"Data": {"Type": "String"}, **parameters},
        "Resources": {name: {"Type": f"AWS::{kind}", "Properties": members} for name, (kind, members) in types.items()},
        "Outputs": {
            "Endpoint": {"Value": {"Fn::GetAtt": ["Endpoint", "EndpointName"]}},
            "Target": {"Value": {"Ref": "Target"}},
        },
    }
    return json.dumps(document)


class Stack:
    def __init__(self, hosting: Hosting) -> None:
        self.hosting, self.name = hosting, unique("hosting")
        self.cloudformation = hosting.cloud.client("cloudformation")
        self.autoscaling = hosting.cloud.client("application-autoscaling")

    def apply(self, verb: str, data: str, *, instances: int = 1, most: int = 2, load: float = 10) -> dict[str, Any]:
        given = {"Data": data, "Instances": str(instances), "Most": str(most), "Load": str(load)}
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
        call = getattr(self.cloudformation, f"{verb}_stack")
        call(StackName=self.name, TemplateBody=_template(self.hosting.role), Parameters=parameters)
        return eventually(self._settled, _SECONDS)

    def _settled(self) -> dict[str, Any] | None:
        stack = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
        return None if stack["StackStatus"].endswith("_IN_PROGRESS") else stack

    def delete(self) -> None:
        self.cloudformation.delete_stack(StackName=self.name)

        def gone() -> bool:
            try:
                stack = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
            except ClientError:
                return True
            assert stack["StackStatus"] != "DELETE_FAILED", stack
            return stack["StackStatus"] == "DELETE_COMPLETE"

        eventually(gone, _SECONDS)

    def reasons(self) -> list[str]:
        events = self.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
        return [event.get("ResourceStatusReason", "") for event in events]

    def left(self) -> list[Any]:
        """Everything that stacks of this kind make, of the whole cloud."""
        sagemaker, namespace = self.hosting.sagemaker, "sagemaker"
        alarms = self.hosting.cloud.client("cloudwatch").describe_alarms(AlarmNamePrefix="TargetTracking-")
        return [
            *sagemaker.list_endpoints()["Endpoints"],
            *sagemaker.list_endpoint_configs()["EndpointConfigs"],
            *sagemaker.list_models()["Models"],
            *self.autoscaling.describe_scalable_targets(ServiceNamespace=namespace)["ScalableTargets"],
            *self.autoscaling.describe_scaling_policies(ServiceNamespace=namespace)["ScalingPolicies"],
            *self.autoscaling.describe_scheduled_actions(ServiceNamespace=namespace)["ScheduledActions"],
            *alarms["MetricAlarms"],
        ]


@pytest.fixture
def stack(hosting: Hosting) -> Stack:
    return Stack(hosting)


def test_an_endpoint_and_its_scaling_live_and_go_with_their_stack(stack: Stack) -> None:
    hosting = stack.hosting
    created = stack.apply("create", hosting.model_data("one"))
    assert created["StackStatus"] == "CREATE_COMPLETE", stack.reasons()
    outputs = {output["OutputKey"]: output["OutputValue"] for output in created["Outputs"]}
    name = outputs["Endpoint"]
    resource = f"endpoint/{name}/variant/primary"
    assert outputs["Target"] == f"{resource}|sagemaker:variant:DesiredInstanceCount|sagemaker"
    assert hosting.invoke(name)["Body"]["model"] == "one"
    (policy,) = stack.autoscaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert (policy["ResourceId"], policy["PolicyName"]) == (resource, "load")

    updated = stack.apply("update", hosting.model_data("two"), instances=2, most=4, load=20)
    assert updated["StackStatus"] == "UPDATE_COMPLETE", stack.reasons()
    assert hosting.invoke(name)["Body"]["model"] == "two"
    (variant,) = hosting.sagemaker.describe_endpoint(EndpointName=name)["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == 2
    (target,) = stack.autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert target["MaxCapacity"] == 4
    (again,) = stack.autoscaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert again["PolicyARN"] == policy["PolicyARN"]
    assert again["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 20

    failed = stack.apply("update", hosting.put(b"no archive"))
    assert failed["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE", stack.reasons()
    assert any("Failed to extract model data archive" in reason for reason in stack.reasons())
    assert hosting.invoke(name)["Body"]["model"] == "two"

    stack.delete()
    assert stack.left() == []


def test_a_creation_that_fails_leaves_nothing(stack: Stack) -> None:
    created = stack.apply("create", stack.hosting.put(b"no archive"))
    assert created["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("Failed to extract model data archive" in reason for reason in stack.reasons())
    assert stack.left() == []
    stack.delete()


def test_scaling_that_is_refused_takes_the_endpoint_back_too(stack: Stack) -> None:
    created = stack.apply("create", stack.hosting.model_data("one"), load=0)
    assert created["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("TargetValue must be greater than 0" in reason for reason in stack.reasons())
    assert stack.left() == []
    stack.delete()
