"""At which size the old model serves again after a rollout that failed."""

from typing import Any

import pytest

from tests.support.rollout_registry import OLD, Registry, plan

KEEPS = {
    "EndpointName": "slipway-dev-digits",
    "EndpointConfigName": OLD,
    "RetainAllVariantProperties": True,
    "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}],
}
CONFIGS_OWN = {"EndpointName": "slipway-dev-digits", "EndpointConfigName": OLD}


def sizes(**counts: int) -> dict[str, Any]:
    desired = [{"VariantName": name, "DesiredInstanceCount": count} for name, count in counts.items()]
    return {"EndpointName": "slipway-dev-digits", "DesiredWeightsAndCapacities": desired}


@pytest.fixture
def serving(parameters: dict[str, Any]) -> dict[str, Any]:
    return parameters["/slipway/dev/workloads/digits"]["serving"]


@pytest.fixture
def ab(rollout: dict[str, Any]) -> dict[str, Any]:
    rollout |= {"strategy": "ab", "steps": [10, 50], "watch_seconds": 60, "max_latency_ratio": 1.5}
    return rollout


def test_a_first_model_has_nothing_to_go_back_to(registry: Registry, event: Any, context: Any) -> None:
    planned = plan(event, context)
    assert (planned["restore"], planned["resize_back"]) == (None, None)


def test_a_size_that_the_rollout_keeps_is_kept_on_the_way_back(registry: Registry, event: Any, context: Any) -> None:
    registry.serves(("primary", 2, 1.0), scaled_to=4)
    planned = plan(event, context)
    assert (planned["restore"], planned["resize_back"]) == (KEEPS, None)


def test_the_old_model_does_not_get_the_count_of_a_manifest_that_failed(
    registry: Registry, serving: Any, event: Any, context: Any
) -> None:
    """Four instances by the config; the manifest now asks for one."""
    registry.serves(("primary", 2, 1.0), scaled_to=4)
    registry.config["ProductionVariants"][0]["InitialInstanceCount"] = 4
    serving["instance_count"] = 1
    planned = plan(event, context)
    assert (planned["restore"], planned["resize_back"]) == (CONFIGS_OWN, None)


def test_other_instances_do_not_shrink_what_was_scaled(
    registry: Registry, serving: Any, event: Any, context: Any
) -> None:
    registry.serves(("primary", 2, 1.0), scaled_to=4)
    serving["instance_type"] = "ml.m5.4xlarge"
    planned = plan(event, context)
    assert (planned["restore"], planned["resize_back"]) == (CONFIGS_OWN, sizes(primary=4))


def test_a_champion_that_a_split_takes_away_in_the_end_comes_back_as_large(
    registry: Registry, ab: Any, event: Any, context: Any
) -> None:
    registry.serves(("blue", 2, 1.0), scaled_to=4)
    assert plan(event, context)["resize_back"] is None, "it stays while both serve"
    ab["steps"] = [10, 100]
    planned = plan(event, context)
    assert (planned["restore"], planned["resize_back"]) == (KEEPS, sizes(blue=4))


def test_of_a_split_that_somebody_decided_both_come_back_as_they_were(
    registry: Registry, ab: Any, event: Any, context: Any
) -> None:
    registry.serves(("blue", 2, 90.0), ("green", 3, 10.0), scaled_to=4)
    registry.endpoint["EndpointConfigName"] = "slipway-dev-digits-v3-00000003-split"
    planned = plan(event, context, command="promote")
    assert "RetainAllVariantProperties" not in planned["restore"]
    assert planned["resize_back"] == sizes(blue=4, green=4)


def test_traffic_by_hand_gives_nobody_another_size(registry: Registry, ab: Any, event: Any, context: Any) -> None:
    registry.serves(("blue", 2, 90.0), ("green", 3, 10.0), scaled_to=4)
    assert plan(event, context, command="traffic", weights={"blue": 50, "green": 50})["resize_back"] is None
