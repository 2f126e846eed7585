"""The loop, on a clock that the tests move."""

from __future__ import annotations

import pytest

from tests.unit.localcloud.autoscaling.conftest import Cloud, Endpoint


def test_three_minutes_above_the_target_scale_out_to_what_the_load_needs(scaling: Cloud) -> None:
    scaling.register()
    scaling.track(10.0)
    scaling.minutes(35.0, 35.0)
    assert scaling.endpoint.asked == []
    scaling.minutes(35.0)
    assert scaling.endpoint.asked == [4]
    (activity,) = scaling.activities()
    assert activity["StatusCode"] == "InProgress"
    assert activity["Description"] == "Setting desired instance count to 4."
    assert "AlarmHigh" in activity["Cause"]
    scaling.scaler.tick()
    (activity,) = scaling.activities()
    assert activity["StatusCode"] == "Successful"


def test_the_maximum_holds(scaling: Cloud) -> None:
    scaling.register(maximum=2)
    scaling.track(10.0)
    scaling.minutes(100.0, 100.0, 100.0)
    assert scaling.endpoint.asked == [2]


def test_during_the_cooldown_only_a_larger_scale_out_goes_on(scaling: Cloud) -> None:
    scaling.register(maximum=20)
    scaling.track(10.0, ScaleOutCooldown=300)
    scaling.minutes(20.0, 20.0, 20.0)
    assert scaling.endpoint.asked == [2]
    scaling.minutes(20.0)  # the same load again, measured before the second instance helped
    assert scaling.endpoint.asked == [2]
    scaling.minutes(30.0)
    assert scaling.endpoint.asked == [2, 3]
    scaling.minutes(*[30.0] * 6)
    assert scaling.endpoint.asked == [2, 3, 9]


def test_fifteen_minutes_below_scale_in_one_cooldown_after_another(scaling: Cloud) -> None:
    scaling.endpoint.count = 4
    scaling.register()
    scaling.track(10.0, ScaleInCooldown=300)
    scaling.minutes(*[4.0] * 14)
    assert scaling.endpoint.asked == []
    scaling.minutes(4.0)
    assert scaling.endpoint.asked == [2]
    scaling.minutes(*[4.0] * 4)
    assert scaling.endpoint.asked == [2]
    scaling.minutes(4.0)
    assert scaling.endpoint.asked == [2, 1]


def test_a_metric_without_datapoints_changes_nothing(scaling: Cloud) -> None:
    scaling.endpoint.count = 4
    scaling.register()
    scaling.track(10.0)
    scaling.now += 3600
    scaling.scaler.tick()
    assert scaling.endpoint.asked == []


def test_scale_in_can_be_disabled(scaling: Cloud) -> None:
    scaling.endpoint.count = 4
    scaling.register()
    scaling.track(10.0, DisableScaleIn=True)
    scaling.minutes(*[0.0] * 20)
    assert scaling.endpoint.asked == []


@pytest.mark.parametrize(
    ("suspended", "values"),
    [("DynamicScalingOutSuspended", [90.0] * 3), ("DynamicScalingInSuspended", [0.0] * 15)],
)
def test_what_is_suspended_does_not_happen(scaling: Cloud, suspended: str, values: list[float]) -> None:
    scaling.endpoint.count = 2
    scaling.register(SuspendedState={suspended: True})
    scaling.track(10.0)
    scaling.minutes(*values)
    assert scaling.endpoint.asked == []
    scaling.call("RegisterScalableTarget", SuspendedState={suspended: False})
    scaling.scaler.tick()
    assert len(scaling.endpoint.asked) == 1


def test_an_asynchronous_endpoint_scales_to_zero_and_back(scaling: Cloud) -> None:
    scaling.endpoint.asynchronous = True
    scaling.register(minimum=0)
    scaling.track(5.0)
    scaling.minutes(*[0.0] * 15)
    assert scaling.endpoint.asked == [0]
    scaling.call(
        "PutScalingPolicy",
        PolicyName="wake",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
    )
    policies = scaling.call("DescribeScalingPolicies", ServiceNamespace="sagemaker", PolicyNames=["wake"])
    alarm = {
        "AlarmName": "backlog",
        "AlarmActions": [policies["ScalingPolicies"][0]["PolicyARN"]],
        "MetricName": "HasBacklogWithoutCapacity",
        "Namespace": "AWS/SageMaker",
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 2,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    }
    scaling.monitoring.put([alarm])
    scaling.minutes(1.0)
    assert scaling.endpoint.asked == [0]
    scaling.minutes(1.0)
    assert scaling.endpoint.asked == [0, 1]


def test_nothing_is_asked_of_an_endpoint_that_is_changing(scaling: Cloud) -> None:
    scaling.register()
    scaling.track(10.0)
    scaling.endpoint.stuck = True
    scaling.minutes(*[90.0] * 5)
    assert scaling.endpoint.asked == []


def test_a_refusal_is_an_activity_and_the_next_pass_tries_again(
    scaling: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    scaling.register()
    scaling.track(10.0)

    def refuse(_self: Endpoint, _resource_id: str, _capacity: int) -> None:
        raise RuntimeError("no capacity")

    with monkeypatch.context() as patch:
        patch.setattr(Endpoint, "set", refuse)
        scaling.minutes(*[20.0] * 3)
    (activity,) = scaling.activities()
    assert activity["StatusCode"] == "Failed"
    assert "no capacity" in activity["StatusMessage"]
    scaling.scaler.tick()
    assert scaling.endpoint.asked == [2]


def test_a_scheduled_action_sets_the_bounds_once_and_scales_into_them(scaling: Cloud) -> None:
    scaling.register(minimum=1, maximum=2)
    answer = scaling.call(
        "PutScheduledAction",
        ScheduledActionName="morning",
        Schedule="rate(1 hour)",
        ScalableTargetAction={"MinCapacity": 3, "MaxCapacity": 6},
    )
    assert answer["status"] == 200
    scaling.scaler.tick()
    assert scaling.endpoint.asked == []
    scaling.now += 3600
    scaling.scaler.tick()
    scaling.scaler.tick()
    assert scaling.endpoint.asked == [3]
    (target,) = scaling.call("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (3, 6)
    assert "scheduled action name morning" in scaling.activities()[0]["Cause"]


def test_a_scheduled_action_that_is_suspended_or_over_does_nothing(scaling: Cloud) -> None:
    scaling.register(SuspendedState={"ScheduledScalingSuspended": True})
    bounds = {"MinCapacity": 3}
    scaling.call("PutScheduledAction", ScheduledActionName="a", Schedule="rate(1 hour)", ScalableTargetAction=bounds)
    scaling.now += 3600
    scaling.scaler.tick()
    assert scaling.endpoint.asked == []
    scaling.call("RegisterScalableTarget", SuspendedState={"ScheduledScalingSuspended": False})
    scaling.call("PutScheduledAction", ScheduledActionName="a", EndTime=scaling.now + 60)
    scaling.now += 7200
    scaling.scaler.tick()
    assert scaling.endpoint.asked == []
