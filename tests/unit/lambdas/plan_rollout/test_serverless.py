"""Rollouts of a workload whose endpoint sleeps while nobody asks it."""

from typing import Any

import pytest
from plan_rollout.serving import EndpointNotUpdatable

from tests.support.rollout_registry import Registry, model, plan


@pytest.fixture
def sleeping(parameters: dict[str, Any]) -> None:
    serverless = {"memory_mb": 2048, "max_concurrency": 5, "provisioned_concurrency": 1}
    parameters["/slipway/dev/workloads/digits"]["serving"]["serverless"] = serverless


def serves_serverless(registry: Registry) -> None:
    registry.serves(("primary", 2, 1.0))
    registry.config["ProductionVariants"] = [
        {
            "VariantName": "primary",
            "ModelName": model(2),
            "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 5},
        }
    ]
    registry.endpoint["ProductionVariants"] = [{"VariantName": "primary", "CurrentWeight": 1.0}]


@pytest.mark.usefixtures("sleeping")
@pytest.mark.parametrize("first", [True, False])
def test_the_variant_has_no_instances_and_its_model_no_isolation_which_sagemaker_refuses_there(
    registry: Registry, event: Any, context: Any, first: bool
) -> None:
    if not first:
        serves_serverless(registry)
    planned = plan(event, context)
    (step,) = planned["steps"]
    (variant,) = step["endpoint_config"]["ProductionVariants"]
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 5, "ProvisionedConcurrency": 1}
    assert not {"InstanceType", "InitialInstanceCount"} & variant.keys()
    assert "EnableNetworkIsolation" not in planned["model"]
    assert "RetainAllVariantProperties" not in step["request"]
    assert (step["release"], step["scale"]) == ([], [])


@pytest.mark.usefixtures("sleeping")
def test_an_endpoint_with_instances_is_not_turned_into_a_serverless_one(
    registry: Registry, event: Any, context: Any
) -> None:
    registry.serves(("primary", 2, 1.0))
    with pytest.raises(EndpointNotUpdatable, match="has instances, and SageMaker turns none into a serverless one"):
        plan(event, context)
