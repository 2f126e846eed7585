"""Models and endpoint configs: references, limits and the words of their errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ..conftest import ACCOUNT, IMAGE, REGION, ROLE, ControlPlane, error_of

PREFIX = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:"
VARIANT = {"VariantName": "primary", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


@pytest.fixture
def model(plane: ControlPlane) -> dict[str, Any]:
    request = {
        "ModelName": "m",
        "PrimaryContainer": {
            "Image": IMAGE,
            "ModelDataUrl": "s3://artifacts/model.tar.gz",
            "Environment": {"SLIPWAY_MODEL_VERSION": "1"},
        },
        "ExecutionRoleArn": ROLE,
        "EnableNetworkIsolation": True,
    }
    assert plane.client.create_model(**request)["ModelArn"] == f"{PREFIX}model/m"
    return request


def test_a_model_is_described_as_created_until_it_is_deleted(plane: ControlPlane, model: dict[str, Any]) -> None:
    described = plane.client.describe_model(ModelName="m")
    assert {member: described[member] for member in model} == model
    assert [summary["ModelName"] for summary in plane.client.list_models()["Models"]] == ["m"]
    plane.client.delete_model(ModelName="m")
    for operation in (plane.client.describe_model, plane.client.delete_model):
        assert error_of(operation, ModelName="m") == (
            "ValidationException",
            f'Could not find model "{PREFIX}model/m".',
        )


def test_a_taken_model_name_is_refused(plane: ControlPlane, model: dict[str, Any]) -> None:
    assert error_of(plane.client.create_model, **model) == (
        "ValidationException",
        f'Cannot create already existing model "{PREFIX}model/m".',
    )


@pytest.mark.parametrize(
    ("request_members", "message"),
    [
        ({}, "Exactly one of PrimaryContainer or Containers must be specified in CreateModel; found none"),
        (
            {"PrimaryContainer": {"Image": "i"}, "Containers": [{"Image": "i"}]},
            "found PrimaryContainer and Containers",
        ),
        ({"PrimaryContainer": {}}, "Exactly one of Image or ModelPackageName must be specified in primaryContainer"),
        (
            {"Containers": [{"Image": "i"}, {"Image": "i", "ModelDataUrl": "https://host/x"}]},
            "Invalid S3 URI 'https://host/x' at 'containers.2.member.modelDataUrl'",
        ),
        (
            {"PrimaryContainer": {"ModelPackageName": f"{PREFIX}model-package/g/1"}},
            f"ModelPackage {PREFIX}model-package/g/1 does not exist.",
        ),
    ],
)
def test_a_model_beyond_the_documented_limits_is_refused(
    plane: ControlPlane, request_members: dict[str, Any], message: str
) -> None:
    code, text = error_of(plane.client.create_model, ModelName="n", **request_members)
    assert (code, message in text) == ("ValidationException", True), text


def test_a_model_may_take_its_container_from_a_model_package(plane: ControlPlane) -> None:
    plane.client.create_model_package_group(ModelPackageGroupName="g")
    arn = plane.client.create_model_package(
        ModelPackageGroupName="g", InferenceSpecification={"Containers": [{"Image": IMAGE}]}
    )["ModelPackageArn"]
    plane.client.create_model(ModelName="m", PrimaryContainer={"ModelPackageName": arn})
    assert plane.client.describe_model(ModelName="m")["PrimaryContainer"] == {"ModelPackageName": arn}


def test_an_endpoint_config_is_described_as_created_until_it_is_deleted(
    plane: ControlPlane, model: dict[str, Any]
) -> None:
    answer = plane.client.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[VARIANT])
    assert answer["EndpointConfigArn"] == f"{PREFIX}endpoint-config/c"
    described = plane.client.describe_endpoint_config(EndpointConfigName="c")
    assert described["ProductionVariants"] == [{**VARIANT, "InitialVariantWeight": 1.0}]
    assert error_of(plane.client.create_endpoint_config, EndpointConfigName="c", ProductionVariants=[VARIANT]) == (
        "ValidationException",
        f'Cannot create already existing endpoint configuration "{PREFIX}endpoint-config/c".',
    )
    plane.client.delete_endpoint_config(EndpointConfigName="c")
    for operation in (plane.client.describe_endpoint_config, plane.client.delete_endpoint_config):
        assert error_of(operation, EndpointConfigName="c") == (
            "ValidationException",
            f'Could not find endpoint configuration "{PREFIX}endpoint-config/c".',
        )


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ([VARIANT, VARIANT], "Duplicate variant name 'primary'"),
        ([{**VARIANT, "ModelName": "absent"}], f'Could not find model "{PREFIX}model/absent".'),
        (
            [{**VARIANT, "InitialInstanceCount": None}],
            "Value null at 'productionVariants.1.member.initialInstanceCount'",
        ),
        ([{**VARIANT, "InstanceType": None}], "Exactly one of InstanceType or ServerlessConfig"),
        (
            [{**VARIANT, "InstanceType": "ml.t9.tiny"}],
            "at 'productionVariants.1.member.instanceType' failed",
        ),
        ([{**VARIANT, "InitialVariantWeight": -1}], "Member must have value greater than or equal to 0"),
        (
            [{**VARIANT, "InitialVariantWeight": 0}, {**VARIANT, "VariantName": "b", "InitialVariantWeight": 0}],
            "must be greater than 0; found 0.0 for primary, b",
        ),
        (
            [],
            "constraint: Member must have length greater than or equal to 1",
        ),
        (
            [{"VariantName": f"v{number}", "ModelName": "m"} for number in range(11)],
            "at 'productionVariants' failed to satisfy constraint: Member must have length less than or equal to 10",
        ),
    ],
)
def test_an_endpoint_config_beyond_the_documented_limits_is_refused(
    plane: ControlPlane, model: dict[str, Any], variants: list[dict[str, Any]], message: str
) -> None:
    code, text = error_of(plane.client.create_endpoint_config, EndpointConfigName="c", ProductionVariants=variants)
    assert (code, message in text) == ("ValidationException", True), text


def test_a_shadow_variant_stands_beside_one_production_variant(plane: ControlPlane, model: dict[str, Any]) -> None:
    shadow = [{**VARIANT, "VariantName": "shadow"}]
    plane.client.create_endpoint_config(
        EndpointConfigName="c", ProductionVariants=[VARIANT], ShadowProductionVariants=shadow
    )
    two = [VARIANT, {**VARIANT, "VariantName": "second"}]
    code, message = error_of(
        plane.client.create_endpoint_config,
        EndpointConfigName="d",
        ProductionVariants=two,
        ShadowProductionVariants=shadow,
    )
    assert code == "ValidationException"
    assert message.endswith("found 2 and 1")
    shadows = [*shadow, {**VARIANT, "VariantName": "another"}]
    arguments = {"ProductionVariants": [VARIANT], "ShadowProductionVariants": shadows}
    code, message = error_of(plane.client.create_endpoint_config, EndpointConfigName="d", **arguments)
    assert code == "ValidationException"
    assert message.endswith("found 1 and 2")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"DestinationS3Uri": "https://bucket/captured"}, "Invalid S3 URI 'https://bucket/captured'"),
        ({"InitialSamplingPercentage": 101}, "Member must have value less than or equal to 100"),
        ({"CaptureOptions": [{"CaptureMode": "Everything"}]}, "captureMode"),
        ({"CaptureOptions": []}, "Member must have length greater than or equal to 1"),
    ],
)
def test_data_capture_beyond_the_documented_limits_is_refused(
    plane: ControlPlane, model: dict[str, Any], members: dict[str, Any], message: str
) -> None:
    capture = {
        "InitialSamplingPercentage": 50,
        "DestinationS3Uri": "s3://bucket/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    arguments = {"EndpointConfigName": "c", "ProductionVariants": [VARIANT], "DataCaptureConfig": capture | members}
    code, text = error_of(plane.client.create_endpoint_config, **arguments)
    assert (code, message in text) == ("ValidationException", True), text


def test_the_case_of_names_is_kept_but_not_distinguished(plane: ControlPlane, deploy: Callable[..., str]) -> None:
    deploy("MyModel")
    assert plane.client.describe_model(ModelName="mymodel")["ModelName"] == "MyModel"
    assert plane.client.describe_model(ModelName="MyModel")["ModelArn"] == f"{PREFIX}model/mymodel"
    assert plane.client.list_tags(ResourceArn=f"{PREFIX}model/mymodel")["Tags"] == []
