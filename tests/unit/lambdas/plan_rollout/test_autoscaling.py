"""What a rollout does to the autoscaling of variants: the manifest's, and what people registered."""

from typing import Any

import pytest

from tests.support.rollout_registry import OLD, Registry, identity, model, plan, production

MANIFEST = {
    "minimum": 2,
    "maximum": 6,
    "invocations_per_instance": 600,
    "scale_out_cooldown_seconds": 60,
    "scale_in_cooldown_seconds": 300,
}
OURS = "slipway-invocations-per-instance"
OUR_POLICY = {
    "PolicyName": OURS,
    "PolicyType": "TargetTrackingScaling",
    "TargetTrackingScalingPolicyConfiguration": {
        "TargetValue": 600.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        "ScaleOutCooldown": 60,
        "ScaleInCooldown": 300,
    },
}


def queue_policy(variant: str) -> dict[str, Any]:
    """A person's policy on a metric of their own choice."""
    dimensions = [{"Name": "VariantName", "Value": variant}, {"Name": "Team", "Value": "blue"}]
    metric = {"MetricName": "Waiting", "Namespace": "Team", "Statistic": "Sum", "Dimensions": dimensions}
    configuration = {"TargetValue": 5.0, "CustomizedMetricSpecification": metric}
    return {
        "PolicyName": "waiting",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": configuration,
    }


NIGHT = {
    "ScheduledActionName": "night",
    "Schedule": "cron(0 20 * * ? *)",
    "StartTime": 4_000_000_000.0,
    "ScalableTargetAction": {"MinCapacity": 1},
}


def registered(registry: Registry, variant: str, *policies: dict[str, Any], actions: Any = ()) -> None:
    """As its description, which says more than a registration takes."""
    described = {**identity(variant), "PolicyARN": "arn:policy"}
    registry.targets[variant] = {
        "bounds": {"MinCapacity": 1, "MaxCapacity": 9},
        "ScalingPolicies": [{**described, **policy} for policy in policies],
        "ScheduledActions": [{**identity(variant), "ScheduledActionARN": "arn:action", **each} for each in actions],
    }


@pytest.fixture
def serving(parameters: dict[str, Any]) -> dict[str, Any]:
    return parameters["/slipway/dev/workloads/digits"]["serving"]


def shown(calls: list[dict[str, Any]]) -> list[tuple[str, str, str | None]]:
    return [
        (
            call["call"],
            call["request"]["ResourceId"].rsplit("/", 1)[-1],
            call["request"].get("PolicyName") or call["request"].get("ScheduledActionName"),
        )
        for call in calls
    ]


def released(requests: list[dict[str, Any]]) -> list[str]:
    assert all(request == identity(request["ResourceId"].rsplit("/", 1)[-1]) for request in requests)
    return [request["ResourceId"].rsplit("/", 1)[-1] for request in requests]


def test_without_autoscaling_nothing_is_registered(registry: Registry, event: Any, context: Any) -> None:
    registry.serves(("primary", 2, 1.0))
    planned = plan(event, context)
    (step,) = planned["steps"]
    assert (step["release"], step["scale"], planned["release_back"], planned["scale_back"]) == ([], [], [], [])
    assert "RetainAllVariantProperties" not in step["request"]


def test_the_first_model_is_scaled_as_the_manifest_says(
    registry: Registry, serving: Any, event: Any, context: Any
) -> None:
    serving["autoscaling"] = MANIFEST
    (step,) = plan(event, context)["steps"]
    assert production(step)["primary"][2] == 2, "the manifest's count, within the bounds"
    assert step["scale"] == [
        {"call": "target", "request": {**identity("primary"), "MinCapacity": 2, "MaxCapacity": 6}},
        {"call": "policy", "request": {**identity("primary"), **OUR_POLICY}},
    ]


def test_a_target_that_stays_gets_the_manifests_values_and_keeps_what_people_added(
    registry: Registry, serving: Any, event: Any, context: Any
) -> None:
    serving["autoscaling"] = MANIFEST
    registry.serves(("primary", 2, 1.0), scaled_to=4)
    registered(registry, "primary", OUR_POLICY, queue_policy("primary"), actions=[NIGHT])
    (step,) = plan(event, context)["steps"]
    assert step["release"] == []
    assert shown(step["scale"]) == [("target", "primary", None), ("policy", "primary", OURS)]
    assert step["request"]["RetainAllVariantProperties"] is True
    assert step["request"]["ExcludeRetainedVariantProperties"] == [{"VariantPropertyType": "DesiredWeight"}]


def test_what_a_person_registered_stays_untouched_and_so_does_the_size(
    registry: Registry, event: Any, context: Any
) -> None:
    registry.serves(("primary", 2, 1.0))
    registered(registry, "primary", queue_policy("primary"))
    (step,) = plan(event, context)["steps"]
    assert (step["release"], step["scale"]) == ([], [])
    assert step["request"]["RetainAllVariantProperties"] is True, "it may be scaled between the plan and the update"


def test_a_size_outside_of_new_bounds_is_moved_into_them(
    registry: Registry, serving: Any, event: Any, context: Any
) -> None:
    """Application Auto Scaling leaves it where it is until a policy acts."""
    serving["autoscaling"] = MANIFEST
    registry.serves(("primary", 2, 1.0), scaled_to=9)
    (step,) = plan(event, context)["steps"]
    assert production(step)["primary"][2] == 6
    assert "RetainAllVariantProperties" not in step["request"]


def test_other_instances_mean_to_deregister_first_and_to_register_again(
    registry: Registry, serving: Any, event: Any, context: Any
) -> None:
    serving["instance_type"] = "ml.c5.large"
    registry.serves(("primary", 2, 1.0), scaled_to=4)
    registered(registry, "primary", queue_policy("primary"), actions=[NIGHT])
    planned = plan(event, context)
    (step,) = planned["steps"]
    assert released(step["release"]) == released(planned["release_back"]) == ["primary"]
    everything = [("target", "primary", None), ("policy", "primary", "waiting"), ("schedule", "primary", "night")]
    assert shown(step["scale"]) == shown(planned["scale_back"]) == everything
    night = step["scale"][-1]["request"]
    assert night["StartTime"] == "2096-10-02T07:06:40Z" and "ScheduledActionARN" not in night
    assert "RetainAllVariantProperties" not in step["request"]


def test_a_schedule_that_is_over_is_not_put_again_and_one_that_runs_without_its_beginning(
    registry: Registry, serving: Any, event: Any, context: Any
) -> None:
    serving["instance_type"] = "ml.c5.large"
    registry.serves(("primary", 2, 1.0))
    over = {**NIGHT, "ScheduledActionName": "over", "EndTime": 1_000_000_000.0}
    registered(registry, "primary", actions=[over, {**NIGHT, "StartTime": 1_000_000_000.0}])
    (step,) = plan(event, context)["steps"]
    assert shown(step["scale"]) == [("target", "primary", None), ("schedule", "primary", "night")]
    assert "StartTime" not in step["scale"][1]["request"]


def test_autoscaling_that_left_the_manifest_goes_and_what_people_added_stays(
    registry: Registry, event: Any, context: Any
) -> None:
    registry.serves(("primary", 2, 1.0))
    registered(registry, "primary", OUR_POLICY)
    (step,) = plan(event, context)["steps"]
    assert (released(step["release"]), step["scale"]) == (["primary"], [])
    registered(registry, "primary", OUR_POLICY, queue_policy("primary"))
    (step,) = plan(event, context)["steps"]
    assert released(step["release"]) == ["primary"]
    assert shown(step["scale"]) == [("target", "primary", None), ("policy", "primary", "waiting")]


def test_variants_side_by_side_are_scaled_each_and_the_last_one_alone(
    registry: Registry, rollout: Any, serving: Any, event: Any, context: Any
) -> None:
    rollout |= {"strategy": "ab", "steps": [10, 50, 100], "watch_seconds": 300, "max_latency_ratio": 1.5}
    serving["autoscaling"] = MANIFEST
    registry.serves(("blue", 2, 1.0), scaled_to=4)
    registered(registry, "blue", OUR_POLICY, queue_policy("blue"))
    planned = plan(event, context)
    first, second, last = planned["steps"]
    assert (first["release"], second["release"], second["scale"]) == ([], [], [])
    assert shown(first["scale"]) == [
        ("target", "blue", None),
        ("policy", "blue", OURS),
        ("target", "green", None),
        ("policy", "green", OURS),
        ("policy", "green", "waiting"),
    ]
    waiting = first["scale"][-1]["request"]["TargetTrackingScalingPolicyConfiguration"]
    assert waiting["CustomizedMetricSpecification"]["Dimensions"] == [
        {"Name": "VariantName", "Value": "green"},
        {"Name": "Team", "Value": "blue"},
    ]
    assert first["request"]["RetainAllVariantProperties"] is True
    assert released(last["release"]) == ["blue"]
    assert shown(last["scale"]) == [("target", "green", None), ("policy", "green", OURS)]
    assert production(last)["green"][2] == 4, "as many as had all the traffic before"
    assert released(planned["release_back"]) == ["green"]
    back = [("target", "blue", None), ("policy", "blue", OURS), ("policy", "blue", "waiting")]
    assert shown(planned["scale_back"]) == back
    assert planned["scale_back"][0]["request"]["MaxCapacity"] == 9, "as it was found"


def test_a_promoted_variant_is_as_large_as_the_largest(
    registry: Registry, rollout: Any, event: Any, context: Any
) -> None:
    rollout |= {"strategy": "ab", "steps": [50], "watch_seconds": 300, "max_latency_ratio": 1.5}
    registry.serves(("blue", 2, 90.0), ("green", 3, 10.0), EndpointConfigName=f"{model(3)}-split")
    registry.endpoint["ProductionVariants"][1]["DesiredInstanceCount"] = 5
    registered(registry, "green", queue_policy("green"))
    planned = plan(event, context, command="promote")
    (step,) = planned["steps"]
    assert production(step) == {"green": (model(3), 1.0, 5)}
    assert (step["release"], step["scale"]) == ([], [])
    (step,) = plan(event, context, command="rollback")["steps"]
    assert released(step["release"]) == ["green"]
    assert shown(step["scale"]) == [("target", "blue", None), ("policy", "blue", "waiting")]


def test_a_shadow_is_not_scaled_and_its_champion_goes_on_being(
    registry: Registry, rollout: Any, serving: Any, event: Any, context: Any
) -> None:
    rollout |= {"strategy": "shadow", "mirror_percent": 50, "watch_seconds": 600, "max_latency_ratio": 2.0}
    serving["autoscaling"] = MANIFEST
    registry.serves(("primary", 2, 1.0), scaled_to=3)
    shadow, update = plan(event, context)["steps"]
    for step in (shadow, update):
        assert shown(step["scale"]) == [("target", "primary", None), ("policy", "primary", OURS)]
        assert step["request"]["RetainAllVariantProperties"] is True
    assert shadow["endpoint_config"]["ShadowProductionVariants"][0]["InitialInstanceCount"] == 3


def test_weights_by_hand_move_no_target(registry: Registry, rollout: Any, event: Any, context: Any) -> None:
    rollout |= {"strategy": "ab", "steps": [50], "watch_seconds": 300, "max_latency_ratio": 1.5}
    registry.serves(("blue", 2, 80.0), ("green", 3, 20.0))
    registered(registry, "blue", queue_policy("blue"))
    planned = plan(event, context, command="traffic", weights={"blue": 30, "green": 70})
    (step,) = planned["steps"]
    assert (step["release"], step["scale"], step["config"]) == ([], [], OLD)


@pytest.fixture
def half_way(rollout: dict[str, Any]) -> None:
    """The old model's variant stays beside the new one's."""
    rollout |= {"strategy": "ab", "steps": [10, 50], "watch_seconds": 300, "max_latency_ratio": 1.5}


@pytest.mark.usefixtures("half_way")
def test_going_back_takes_a_target_away_that_the_old_variant_did_not_have(
    registry: Registry, serving: Any, event: Any, context: Any
) -> None:
    serving["autoscaling"] = MANIFEST
    registry.serves(("blue", 2, 1.0), scaled_to=2)
    planned = plan(event, context)
    assert (released(planned["release_back"]), planned["scale_back"]) == (["blue", "green"], [])


@pytest.mark.usefixtures("half_way")
def test_going_back_gives_the_old_variant_its_own_bounds_and_policy_again(
    registry: Registry, serving: Any, event: Any, context: Any
) -> None:
    serving["autoscaling"] = MANIFEST
    registry.serves(("blue", 2, 1.0), scaled_to=4)
    before = {**OUR_POLICY["TargetTrackingScalingPolicyConfiguration"], "TargetValue": 50.0}
    old_policy = {**OUR_POLICY, "TargetTrackingScalingPolicyConfiguration": before}
    registered(registry, "blue", old_policy, queue_policy("blue"), actions=[NIGHT])
    planned = plan(event, context)
    assert released(planned["release_back"]) == ["green"]
    assert shown(planned["scale_back"]) == [("target", "blue", None), ("policy", "blue", OURS)]
    bounds, policy = (call["request"] for call in planned["scale_back"])
    assert (bounds["MinCapacity"], bounds["MaxCapacity"]) == (1, 9)
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 50.0


@pytest.mark.usefixtures("half_way")
def test_going_back_takes_our_policy_off_a_target_that_people_registered(
    registry: Registry, serving: Any, event: Any, context: Any
) -> None:
    serving["autoscaling"] = MANIFEST
    registry.serves(("blue", 2, 1.0), scaled_to=4)
    registered(registry, "blue", queue_policy("blue"), actions=[NIGHT])
    planned = plan(event, context)
    assert released(planned["release_back"]) == ["blue", "green"]
    back = [("target", "blue", None), ("policy", "blue", "waiting"), ("schedule", "blue", "night")]
    assert shown(planned["scale_back"]) == back


@pytest.mark.usefixtures("half_way")
def test_going_back_leaves_alone_what_a_rollout_left_alone(registry: Registry, event: Any, context: Any) -> None:
    registry.serves(("blue", 2, 1.0), scaled_to=4)
    registered(registry, "blue", queue_policy("blue"))
    planned = plan(event, context)
    assert (released(planned["release_back"]), planned["scale_back"]) == (["green"], [])
