from typing import Any

import pytest

from tests.support.botocore_model import violations

GOOD: dict[str, Any] = {
    "ModelName": "m-1",
    "PrimaryContainer": {"Image": "image", "ModelDataUrl": "s3://bucket/key", "Environment": {"A": "1"}},
    "ExecutionRoleArn": "arn:aws:iam::123456789012:role/serving",
    "EnableNetworkIsolation": True,
}


def test_a_request_that_the_model_allows_has_no_violations() -> None:
    assert violations("sagemaker", "CreateModel", GOOD) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"ModelName": "m" * 64}, "CreateModel.ModelName: 64 is above the maximum 63"),
        ({"ModelName": "under_score"}, "CreateModel.ModelName: 'under_score' does not match"),
        ({"PrimaryContainer": {"Mode": "Both"}}, "CreateModel.PrimaryContainer.Mode: 'Both' is not one of"),
        ({"Colour": "red"}, "CreateModel.Colour: unknown member"),
        ({"EnableNetworkIsolation": "yes"}, "CreateModel.EnableNetworkIsolation: str, expected boolean"),
        ({"Tags": [{"Key": "a"}]}, "CreateModel.Tags[0].Value: missing"),
        ({"PrimaryContainer": {"Environment": {"a b": "1"}}}, "CreateModel.PrimaryContainer.Environment key 'a b'"),
    ],
)
def test_each_kind_of_violation_is_named_with_its_path(change: dict[str, Any], expected: str) -> None:
    found = violations("sagemaker", "CreateModel", {**GOOD, **change})
    assert any(line.startswith(expected) for line in found), found


def test_a_number_is_no_boolean_and_a_boolean_is_no_number() -> None:
    variant = {"VariantName": "v", "ModelName": "m", "InitialInstanceCount": True}
    found = violations(
        "sagemaker", "CreateEndpointConfig", {"EndpointConfigName": "c", "ProductionVariants": [variant]}
    )
    assert found == ["CreateEndpointConfig.ProductionVariants[0].InitialInstanceCount: bool, expected integer"]
