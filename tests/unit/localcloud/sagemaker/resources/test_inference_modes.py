"""What asynchronous and serverless endpoint configs may hold."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.localcloud.sagemaker.conftest import IMAGE, ROLE, ControlPlane, error_of

INSTANCES = {"VariantName": "primary", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
SERVERLESS = {
    "VariantName": "primary",
    "ModelName": "m",
    "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5},
}
ASYNC = {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://bucket/out"}}}


def _sized(**members: int) -> dict[str, Any]:
    return {**SERVERLESS, "ServerlessConfig": {**SERVERLESS["ServerlessConfig"], **members}}


@pytest.fixture(autouse=True)
def models(plane: ControlPlane) -> None:
    container = {"Image": IMAGE}
    create = plane.client.create_model
    create(ModelName="m", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    create(ModelName="isolated", PrimaryContainer=container, ExecutionRoleArn=ROLE, EnableNetworkIsolation=True)
    create(ModelName="pipeline", Containers=[container, container], ExecutionRoleArn=ROLE)


@pytest.mark.parametrize(
    "members",
    [{"ProductionVariants": [INSTANCES], **ASYNC}, {"ProductionVariants": [_sized(ProvisionedConcurrency=5)]}],
)
def test_what_is_allowed_is_described_as_given(plane: ControlPlane, members: dict[str, Any]) -> None:
    plane.client.create_endpoint_config(EndpointConfigName="c", **members)
    found = plane.client.describe_endpoint_config(EndpointConfigName="c")
    assert found.get("AsyncInferenceConfig") == members.get("AsyncInferenceConfig")
    assert found["ProductionVariants"][0].get("ServerlessConfig") == members["ProductionVariants"][0].get(
        "ServerlessConfig"
    )


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"ProductionVariants": [SERVERLESS], **ASYNC}, "ServerlessConfig"),
        (
            {
                "ProductionVariants": [INSTANCES],
                "ShadowProductionVariants": [{**INSTANCES, "VariantName": "shadow"}],
                **ASYNC,
            },
            "ShadowProductionVariants",
        ),
        ({"ProductionVariants": [INSTANCES, {**INSTANCES, "VariantName": "b"}], **ASYNC}, "exactly one"),
        ({"ProductionVariants": [INSTANCES], "AsyncInferenceConfig": {"OutputConfig": {}}}, "S3OutputPath"),
        ({"ProductionVariants": [SERVERLESS, {**INSTANCES, "VariantName": "b"}]}, "only variant"),
        ({"ProductionVariants": [_sized(MemorySizeInMB=1500)]}, "1500"),
        ({"ProductionVariants": [_sized(MemorySizeInMB=7168)]}, "memorySizeInMB"),
        ({"ProductionVariants": [_sized(ProvisionedConcurrency=6)]}, "ProvisionedConcurrency 6"),
        ({"ProductionVariants": [{**SERVERLESS, "ModelName": "isolated"}]}, "EnableNetworkIsolation"),
        ({"ProductionVariants": [{**SERVERLESS, "ModelName": "pipeline"}]}, "inference pipeline"),
    ],
)
def test_what_no_endpoint_could_serve_is_refused(plane: ControlPlane, members: dict[str, Any], words: str) -> None:
    code, message = error_of(plane.client.create_endpoint_config, EndpointConfigName="c", **members)
    assert code == "ValidationException"
    assert words in message
