"""Which models and endpoint configs are deleted, and which never."""

import time
from typing import Any

import boto3
import pytest
from retire_models.handler import handler

IMAGE = "no-such-image:1"


@pytest.fixture
def rolled_out(cloud: Any, stage: Any) -> Any:
    """Makes the model and the endpoint config that a rollout makes of a version."""
    sagemaker, prefix = boto3.client("sagemaker"), stage.descriptor["job_prefix"]
    role = cloud.role(f"{prefix}-serving", "sagemaker.amazonaws.com")

    def make(version: int) -> str:
        name = f"{prefix}-v{version}-0000000{version}"
        sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={"Image": IMAGE})
        variant = {
            "VariantName": "primary",
            "ModelName": name,
            "InitialInstanceCount": 1,
            "InstanceType": "ml.m5.large",
        }
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        time.sleep(0.01)  # SortBy CreationTime needs times that differ
        return name

    return make


def left(stage: Any) -> tuple[set[str], set[str]]:
    sagemaker, prefix = boto3.client("sagemaker"), stage.descriptor["job_prefix"]
    configs = sagemaker.list_endpoint_configs(NameContains=prefix)["EndpointConfigs"]
    models = sagemaker.list_models(NameContains=prefix)["Models"]
    return {item["EndpointConfigName"] for item in configs}, {item["ModelName"] for item in models}


def event(previous: str | None) -> dict[str, Any]:
    return {"workload": "digits", "previous_endpoint_config_name": previous, "versions_kept": 2}


def test_the_oldest_go_and_what_served_before_stays(stage: Any, rolled_out: Any, context: Any) -> None:
    names = [rolled_out(version) for version in range(1, 6)]
    deleted = handler(event(previous=names[0]), context)
    kept = {names[0], names[3], names[4]}
    assert left(stage) == (kept, kept)
    assert set(deleted["endpoint_configs"]) == set(deleted["models"]) == {names[1], names[2]}


def test_a_config_that_serves_is_never_deleted(stage: Any, rolled_out: Any, context: Any) -> None:
    names = [rolled_out(version) for version in range(1, 5)]
    sagemaker = boto3.client("sagemaker")
    endpoint = stage.descriptor["endpoint_name"]
    sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=names[0])
    handler(event(previous=None), context)
    assert names[0] in left(stage)[0] and names[0] in left(stage)[1]
    assert names[1] not in left(stage)[0]


def test_what_belongs_to_another_workload_is_left_alone(stage: Any, rolled_out: Any, context: Any, cloud: Any) -> None:
    """Its prefix may hold ours."""
    role = cloud.role("other-serving", "sagemaker.amazonaws.com")
    other = f"x-{stage.descriptor['job_prefix']}-v1-00000001"
    boto3.client("sagemaker").create_model(ModelName=other, ExecutionRoleArn=role, PrimaryContainer={"Image": IMAGE})
    for version in range(1, 5):
        rolled_out(version)
    handler(event(previous=None), context)
    assert other in left(stage)[1]
