import json
from typing import Any

import pytest
from check_rollout.handler import handler

from tests.support.loopback_aws import Invocation, LoopbackAws, ServiceError

WANTED = "slipway-dev-digits-v3-89abcdef"
OLD = "slipway-dev-digits-v2-01234567"
PLAN: dict[str, Any] = {
    "workload": "digits",
    "model_version": "3",
    "step": {"config": WANTED, "models": {"primary": WANTED}, "ask": "primary"},
}


def answered(predictions: Any = None, version: str | None = "3", **members: Any) -> Invocation:
    body = json.dumps({"predictions": [1, 2] if predictions is None else predictions}).encode()
    headers = {"X-Amzn-SageMaker-Custom-Attributes": f"model_version={version}"} if version else {}
    return Invocation(**{"headers": headers, "body": body, **members})


class Serving:
    """What SageMaker says of the endpoint, and what the model answers."""

    def __init__(self) -> None:
        self.endpoint: dict[str, Any] | None = {"EndpointStatus": "InService", "EndpointConfigName": WANTED}
        self.models = {"primary": WANTED}
        self.answer = answered()

    def describe_endpoint(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.endpoint is None:
            raise ServiceError("ValidationException", "Could not find endpoint")
        return {"EndpointName": request["EndpointName"], **self.endpoint}

    def describe_config(self, request: dict[str, Any]) -> dict[str, Any]:
        if not self.models:
            raise ServiceError("ValidationException", "Could not find endpoint configuration")
        return {
            "ProductionVariants": [{"VariantName": name, "ModelName": model} for name, model in self.models.items()]
        }


@pytest.fixture
def serving(aws: LoopbackAws, parameters: dict[str, Any]) -> Serving:
    serving = Serving()
    aws.operations["SageMaker.DescribeEndpoint"] = serving.describe_endpoint
    aws.operations["SageMaker.DescribeEndpointConfig"] = serving.describe_config
    aws.invoke = lambda endpoint, body, headers: serving.answer
    return serving


def test_the_wanted_model_serves_when_sagemaker_and_the_model_say_so(
    aws: LoopbackAws, serving: Serving, parameters: dict[str, Any], context: Any
) -> None:
    assert handler(PLAN, context) == {
        "serving": True,
        "reason": f"slipway-dev-digits serves primary: {WANTED}",
    }
    ((endpoint, body, headers),) = aws.called("InvokeEndpoint")
    assert endpoint == "slipway-dev-digits"
    assert json.loads(body) == parameters["/slipway/dev/workloads/digits"]["serving"]["sample_request"]
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Amzn-SageMaker-Target-Variant"] == "primary"


def test_a_silent_rollback_is_found_though_the_endpoint_is_in_service(serving: Serving, context: Any) -> None:
    serving.endpoint = {"EndpointStatus": "InService", "EndpointConfigName": OLD, "FailureReason": "alarm fired"}
    result = handler(PLAN, context)
    assert result["serving"] is False
    assert OLD in result["reason"] and WANTED in result["reason"] and "alarm fired" in result["reason"]


@pytest.mark.parametrize("status", ["Updating", "SystemUpdating"])
def test_an_endpoint_that_autoscaling_is_changing_serves_on(serving: Serving, context: Any, status: str) -> None:
    serving.endpoint = {"EndpointStatus": status, "EndpointConfigName": WANTED}
    assert handler(PLAN, context)["serving"] is True
    serving.endpoint["EndpointConfigName"] = OLD
    assert handler(PLAN, context)["serving"] is False


@pytest.mark.parametrize("status", ["Failed", "Creating", "RollingBack"])
def test_an_endpoint_that_is_not_in_service_does_not_serve(serving: Serving, context: Any, status: str) -> None:
    serving.endpoint = {"EndpointStatus": status, "EndpointConfigName": WANTED, "FailureReason": "ping failed"}
    result = handler(PLAN, context)
    assert (result["serving"], result["reason"]) == (
        False,
        f"endpoint slipway-dev-digits is {status}, not InService: ping failed",
    )


def test_a_missing_endpoint_does_not_serve(serving: Serving, context: Any) -> None:
    serving.endpoint = None
    assert handler(PLAN, context) == {"serving": False, "reason": "endpoint slipway-dev-digits does not exist"}


@pytest.mark.parametrize("models", [{"primary": OLD}, {"primary": WANTED, "green": OLD}, {}])
def test_a_config_with_another_model_does_not_serve_the_wanted_one(
    serving: Serving, context: Any, models: dict[str, str]
) -> None:
    serving.models = models
    assert handler(PLAN, context)["serving"] is False


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (answered(version="2"), "was answered by model version 2, not 3"),
        (answered(version=None), "was answered by model version None, not 3"),
        (answered([1]), "2 instances, its answer 1 predictions"),
        (answered({"a": 1}), "no list 'predictions'"),
        (answered(body=b"[1, 2]"), "no list 'predictions'"),
        (answered(body=b"<html>"), "is not JSON"),
        (answered(body=b'{"predictions": [NaN, 1]}'), "NaN is not a JSON number"),
        (
            Invocation(
                status=424,
                headers={"x-amzn-ErrorType": "ModelError"},
                body=b'{"Message": "Received server error (500)", "OriginalStatusCode": 500}',
            ),
            "sample request failed: ModelError: Received server error (500)",
        ),
        (
            Invocation(status=503, headers={"x-amzn-ErrorType": "ServiceUnavailable"}, body=b'{"Message": "later"}'),
            "sample request failed: ServiceUnavailable: later",
        ),
    ],
)
def test_a_bad_answer_to_the_sample_request_is_the_reason(
    serving: Serving, context: Any, answer: Invocation, reason: str
) -> None:
    serving.answer = answer
    result = handler(PLAN, context)
    assert result["serving"] is False
    assert reason in result["reason"]


def test_a_workload_without_sample_request_is_judged_by_what_sagemaker_says(
    aws: LoopbackAws, serving: Serving, parameters: dict[str, Any], context: Any
) -> None:
    parameters["/slipway/dev/workloads/digits"]["serving"]["sample_request"] = None
    assert handler(PLAN, context)["serving"] is True
    assert aws.called("InvokeEndpoint") == []


def test_one_lost_request_fails_no_rollout(aws: LoopbackAws, serving: Serving, context: Any) -> None:
    lost = Invocation(status=503, headers={"x-amzn-ErrorType": "ServiceUnavailable"}, body=b"{}")
    answers = iter([lost, answered()])
    aws.invoke = lambda endpoint, body, headers: next(answers)
    assert handler(PLAN, context)["serving"] is True


def test_a_step_that_asks_nobody_is_judged_by_what_sagemaker_says(
    aws: LoopbackAws, serving: Serving, context: Any
) -> None:
    """A shadow variant cannot be asked."""
    assert handler({**PLAN, "step": {**PLAN["step"], "ask": None}}, context)["serving"] is True
    assert aws.called("InvokeEndpoint") == []


def test_an_image_of_ones_own_need_not_say_its_version_but_must_not_say_another(
    serving: Serving, parameters: dict[str, Any], context: Any
) -> None:
    parameters["/slipway/dev/workloads/digits"]["training"]["script"] = None
    serving.answer = answered(version=None)
    assert handler(PLAN, context)["serving"] is True
    serving.answer = answered(version="2")
    assert handler(PLAN, context)["serving"] is False
