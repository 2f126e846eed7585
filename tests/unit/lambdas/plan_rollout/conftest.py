"""An approval, and what the plan of its rollout finds."""

from typing import Any

import pytest

from tests.support.loopback_aws import LoopbackAws
from tests.support.rollout_registry import Registry


@pytest.fixture
def registry(aws: LoopbackAws, parameters: dict[str, Any]) -> Registry:
    registry = Registry()
    aws.operations["SageMaker.DescribeModelPackage"] = registry.describe_package
    aws.operations["SageMaker.ListModelPackages"] = registry.list_packages
    aws.operations["SageMaker.DescribeEndpoint"] = registry.describe_endpoint
    aws.operations["SageMaker.DescribeEndpointConfig"] = lambda request: registry.config
    aws.operations["SageMaker.ListTags"] = lambda request: {
        "Tags": [{"Key": key, "Value": value} for key, value in registry.config_tags.items()]
    }
    aws.operations["AnyScaleFrontendService.DescribeScalableTargets"] = registry.describe_targets
    for member in ("ScalingPolicies", "ScheduledActions"):
        aws.operations[f"AnyScaleFrontendService.Describe{member}"] = registry.describe_of_target(member)
    return registry


@pytest.fixture
def event(load_event: Any) -> dict[str, Any]:
    return {"workload": "digits", "event": load_event("model_package_approved"), "execution": "rollout-1"}


@pytest.fixture
def rollout(parameters: dict[str, Any]) -> dict[str, Any]:
    """The rollout part of the descriptor."""
    return parameters["/slipway/dev/workloads/digits"]["rollout"]
