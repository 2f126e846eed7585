"""What the API takes, refuses and answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.localcloud.autoscaling.conftest import RESOURCE, Cloud

STEP = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [{"ScalingAdjustment": 1}]}


def test_a_target_is_registered_described_changed_and_gone(scaling: Cloud) -> None:
    scaling.register(1, 4, Tags={"team": "a"})
    (target,) = scaling.call("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"]
    assert {name: target[name] for name in RESOURCE} == RESOURCE
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 4)
    assert target["SuspendedState"] == {
        "DynamicScalingInSuspended": False,
        "DynamicScalingOutSuspended": False,
        "ScheduledScalingSuspended": False,
    }
    arn = target["ScalableTargetARN"]
    assert scaling.call("RegisterScalableTarget", MaxCapacity=9)["ScalableTargetARN"] == arn
    (changed,) = scaling.call("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (changed["MinCapacity"], changed["MaxCapacity"]) == (1, 9)
    scaling.call("TagResource", ResourceARN=arn, Tags={"stage": "dev"})
    scaling.call("UntagResource", ResourceARN=arn, TagKeys=["team"])
    assert scaling.call("ListTagsForResource", ResourceARN=arn)["Tags"] == {"stage": "dev"}
    scaling.track()
    assert scaling.call("DeregisterScalableTarget")["status"] == 200
    assert scaling.call("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"] == []
    assert scaling.call("DescribeScalingPolicies", ServiceNamespace="sagemaker")["ScalingPolicies"] == []
    assert scaling.monitoring.alarms == {}


def test_a_target_tracking_policy_has_the_two_alarms_of_aws(scaling: Cloud) -> None:
    scaling.register()
    made = scaling.track(70.0)
    high, low = (scaling.monitoring.alarms[alarm["AlarmName"]] for alarm in made["Alarms"])
    assert high["AlarmName"].startswith("TargetTracking-endpoint/e/variant/primary-AlarmHigh-")
    assert low["AlarmName"].startswith("TargetTracking-endpoint/e/variant/primary-AlarmLow-")
    assert (high["Threshold"], high["EvaluationPeriods"]) == (70.0, 3)
    assert (low["Threshold"], low["EvaluationPeriods"]) == (63.0, 15)
    assert high["AlarmActions"] == [made["PolicyARN"]]
    (policy,) = scaling.call("DescribeScalingPolicies", ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert [alarm["AlarmName"] for alarm in policy["Alarms"]] == [high["AlarmName"], low["AlarmName"]]
    again = scaling.track(80.0, DisableScaleIn=True)
    assert again["PolicyARN"] == made["PolicyARN"]
    assert [alarm["Threshold"] for alarm in scaling.monitoring.alarms.values()] == [80.0]
    assert scaling.call("DeleteScalingPolicy", PolicyName="p")["status"] == 200
    assert scaling.monitoring.alarms == {}


@pytest.mark.parametrize(
    ("operation", "members", "code", "words"),
    [
        ("RegisterScalableTarget", {"MinCapacity": 1}, "ValidationException", "MaxCapacity"),
        ("RegisterScalableTarget", {"MinCapacity": 3, "MaxCapacity": 2}, "ValidationException", "Maximum capacity 2"),
        ("RegisterScalableTarget", {"MinCapacity": 0, "MaxCapacity": 2}, "ValidationException", "asynchronous"),
        (
            "RegisterScalableTarget",
            {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"},
            "ValidationException",
            "ecs:service:DesiredCount",
        ),
        (
            "RegisterScalableTarget",
            {"ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency"},
            "ValidationException",
            "DesiredProvisionedConcurrency",
        ),
        ("RegisterScalableTarget", {"ScalableDimension": "nonsense"}, "ValidationException", "enum value set"),
        (
            "RegisterScalableTarget",
            {"ResourceId": "endpoint/e", "MinCapacity": 1, "MaxCapacity": 2},
            "ValidationException",
            "endpoint/<name>/variant/<name>",
        ),
        ("DeregisterScalableTarget", {}, "ObjectNotFoundException", "endpoint/e/variant/primary"),
        ("PutScalingPolicy", {"PolicyName": "p"}, "ObjectNotFoundException", "scalable target"),
        ("DeleteScalingPolicy", {"PolicyName": "p"}, "ObjectNotFoundException", "policy name: p"),
        ("PutScheduledAction", {"ScheduledActionName": "a"}, "ObjectNotFoundException", "scalable target"),
        ("DeleteScheduledAction", {"ScheduledActionName": "a"}, "ObjectNotFoundException", "action name: a"),
        (
            "DescribeScalableTargets",
            {"ServiceNamespace": "sagemaker", "NextToken": "x"},
            "InvalidNextTokenException",
            "",
        ),
        ("ListTagsForResource", {"ResourceARN": "arn:aws:x"}, "ValidationException", "resourceARN"),
        ("GetPredictiveScalingForecast", {}, "ValidationException", "GetPredictiveScalingForecast"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    scaling: Cloud, operation: str, members: dict[str, Any], code: str, words: str
) -> None:
    answer = scaling.call(operation, **members)
    assert (answer["status"], answer["__type"]) == (400, code)
    assert words in answer["message"]


@pytest.mark.parametrize(
    ("policy_type", "configuration", "words"),
    [
        ("TargetTrackingScaling", {"TargetValue": 0.0}, "TargetValue"),
        ("TargetTrackingScaling", {"TargetValue": 1.0}, "Exactly one of"),
        (
            "TargetTrackingScaling",
            {"TargetValue": 1.0, "PredefinedMetricSpecification": {"PredefinedMetricType": "ALBRequestCountPerTarget"}},
            "ALBRequestCountPerTarget",
        ),
        (
            "TargetTrackingScaling",
            {"TargetValue": 1.0, "CustomizedMetricSpecification": {"MetricName": "m", "Namespace": "n"}},
            "Statistic",
        ),
        (
            "TargetTrackingScaling",
            {"TargetValue": 1.0, "CustomizedMetricSpecification": {"Metrics": [{"Id": "a", "Expression": "1"}]}},
            "metric math",
        ),
        ("StepScaling", {**STEP, "Cooldown": -1}, "Cooldown"),
        ("StepScaling", {"AdjustmentType": "ExactCapacity"}, "StepAdjustments"),
        (
            "StepScaling",
            {
                **STEP,
                "StepAdjustments": [
                    {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 5, "ScalingAdjustment": 1},
                    {"MetricIntervalLowerBound": 6, "ScalingAdjustment": 2},
                ],
            },
            "gap",
        ),
    ],
)
def test_a_policy_that_could_not_scale_is_refused(
    scaling: Cloud, policy_type: str, configuration: dict[str, Any], words: str
) -> None:
    scaling.register()
    member = f"{policy_type.removesuffix('Scaling')}ScalingPolicyConfiguration"
    answer = scaling.call("PutScalingPolicy", PolicyName="p", PolicyType=policy_type, **{member: configuration})
    assert (answer["status"], answer["__type"]) == (400, "ValidationException")
    assert words in answer["message"]
    assert scaling.monitoring.alarms == {}


def test_a_policy_keeps_its_type(scaling: Cloud) -> None:
    scaling.register()
    scaling.track()
    answer = scaling.call(
        "PutScalingPolicy", PolicyName="p", PolicyType="StepScaling", StepScalingPolicyConfiguration=STEP
    )
    assert "TargetTrackingScaling" in answer["message"]


@pytest.mark.parametrize(
    "schedule", ["cron(0 25 * * ? *)", "rate(1 minutes)", "at(never)", "daily", "cron(0 9 L * ? *)"]
)
def test_a_schedule_that_says_nothing_is_refused(scaling: Cloud, schedule: str) -> None:
    scaling.register()
    answer = scaling.call(
        "PutScheduledAction", ScheduledActionName="a", Schedule=schedule, ScalableTargetAction={"MinCapacity": 1}
    )
    assert answer["__type"] == "ValidationException"
    assert schedule in answer["message"]


def test_descriptions_come_in_pages(scaling: Cloud) -> None:
    for number in range(3):
        scaling.register(ResourceId=f"endpoint/e/variant/v{number}")
    first = scaling.call("DescribeScalableTargets", ServiceNamespace="sagemaker", MaxResults=2)
    rest = scaling.call(
        "DescribeScalableTargets", ServiceNamespace="sagemaker", MaxResults=2, NextToken=first["NextToken"]
    )
    found = [target["ResourceId"] for target in first["ScalableTargets"] + rest["ScalableTargets"]]
    assert found == [f"endpoint/e/variant/v{number}" for number in range(3)]
    assert "NextToken" not in rest


def test_a_body_that_is_not_json_is_refused(scaling: Cloud) -> None:
    status, _headers, answer = scaling.api.handle("DescribeScalableTargets", b"{", None)
    assert (status, json.loads(answer)["__type"]) == (400, "SerializationException")


def test_permission_is_asked_on_the_scalable_target(scaling: Cloud) -> None:
    prefix = "arn:aws:application-autoscaling:us-east-1:000000000000:scalable-target/"

    def resource(operation: str, **members: Any) -> str:
        return scaling.api.resource(operation, json.dumps(members).encode())

    assert resource("RegisterScalableTarget", **RESOURCE) == f"{prefix}*"
    scaling.register()
    (target,) = scaling.call("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"]
    assert resource("PutScalingPolicy", **RESOURCE) == target["ScalableTargetARN"]
    assert resource("TagResource", ResourceARN=f"{prefix}x") == f"{prefix}x"
    assert resource("DescribeScalableTargets", ServiceNamespace="sagemaker") == "*"
    assert scaling.api.resource("PutScalingPolicy", b"{") == "*"
