import json
from typing import Any

import pytest
from describe_workloads.handler import handler

from tests.support.loopback_aws import LoopbackAws, ServiceError

PATH = "/slipway/dev/workloads"
CONFIG = "slipway-dev-digits-v7-89abcdef"


@pytest.fixture
def endpoints(aws: LoopbackAws, parameters: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Endpoints by name; each config serves the model of its own name."""
    known: dict[str, dict[str, Any]] = {}

    def describe(request: dict[str, Any]) -> dict[str, Any]:
        if request["EndpointName"] not in known:
            raise ServiceError("ValidationException", "Could not find endpoint")
        return {"EndpointName": request["EndpointName"], **known[request["EndpointName"]]}

    def describe_config(request: dict[str, Any]) -> dict[str, Any]:
        return {"ProductionVariants": [{"VariantName": "primary", "ModelName": request["EndpointConfigName"]}]}

    aws.operations["SageMaker.DescribeEndpoint"] = describe
    aws.operations["SageMaker.DescribeEndpointConfig"] = describe_config
    return known


def serving(status: str = "InService") -> dict[str, Any]:
    variant = {"VariantName": "primary", "CurrentWeight": 1.0, "CurrentInstanceCount": 2}
    return {
        "EndpointStatus": status,
        "EndpointConfigName": CONFIG,
        "LastModifiedTime": 1794472260.0,
        "ProductionVariants": [variant],
    }


def get(event: dict[str, Any], context: Any) -> tuple[int, dict[str, Any]]:
    response = handler(event, context)
    return response["statusCode"], json.loads(response["body"])


def test_a_workload_is_shown_with_what_serves_it(
    endpoints: dict[str, Any], descriptor: dict[str, Any], load_event: Any, context: Any
) -> None:
    endpoints["slipway-dev-digits"] = serving()
    status, body = get(load_event("api_describe_workload"), context)
    updated = body.pop("updated")
    assert updated.startswith("2026-11-1")
    assert (status, body) == (
        200,
        {
            "name": "digits",
            "description": "Handwritten digits.",
            "status": "InService",
            "endpoint": "slipway-dev-digits",
            "model_version": "7",
            "variants": [{"name": "primary", "weight": 1.0, "instances": 2, "model_version": "7"}],
            "gate": descriptor["gate"],
        },
    )


def test_a_workload_before_its_first_rollout_is_not_deployed(
    endpoints: dict[str, Any], load_event: Any, context: Any
) -> None:
    status, body = get(load_event("api_describe_workload"), context)
    assert status == 200
    assert (body["status"], body["variants"], body["model_version"], body["updated"]) == ("NotDeployed", [], None, None)


def test_an_endpoint_that_is_being_created_has_no_variants_yet(
    endpoints: dict[str, Any], load_event: Any, context: Any
) -> None:
    creating = serving("Creating")
    del creating["ProductionVariants"]
    endpoints["slipway-dev-digits"] = creating
    _, body = get(load_event("api_describe_workload"), context)
    assert (body["status"], body["variants"]) == ("Creating", [])


def test_all_workloads_are_listed_by_name(
    endpoints: dict[str, Any], parameters: dict[str, Any], load_event: Any, context: Any
) -> None:
    endpoints["slipway-dev-digits"] = serving()
    for name in ["moths", "apples"]:
        parameters[f"{PATH}/{name}"] = {**parameters[f"{PATH}/digits"], "name": name, "endpoint_name": name}
    status, body = get(load_event("api_list_workloads"), context)
    assert status == 200
    assert [(w["name"], w["status"]) for w in body["workloads"]] == [
        ("apples", "NotDeployed"),
        ("digits", "InService"),
        ("moths", "NotDeployed"),
    ]


def test_without_workloads_the_list_is_empty(
    endpoints: dict[str, Any], parameters: dict[str, Any], load_event: Any, context: Any
) -> None:
    parameters.clear()
    assert get(load_event("api_list_workloads"), context) == (200, {"workloads": []})


@pytest.mark.parametrize("name", ["letters", "../platform", ""])
def test_an_unknown_workload_is_404(endpoints: dict[str, Any], load_event: Any, context: Any, name: str) -> None:
    event = {**load_event("api_describe_workload"), "pathParameters": {"name": name}}
    status, body = get(event, context)
    assert (status, body["error"]["code"]) == (404, "unknown_workload")


def test_a_failure_inside_the_service_is_answered_as_one(
    aws: LoopbackAws, endpoints: dict[str, Any], load_event: Any, context: Any
) -> None:
    def deny(request: dict[str, Any]) -> dict[str, Any]:
        raise ServiceError("AccessDeniedException", "not authorized to perform: sagemaker:DescribeEndpoint")

    aws.operations["SageMaker.DescribeEndpoint"] = deny
    status, body = get(load_event("api_describe_workload"), context)
    assert (status, body["error"]["code"]) == (500, "internal_error")
    assert "sagemaker" not in json.dumps(body)
