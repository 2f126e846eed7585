"""What a request can get wrong is answered as the service model says."""

import json

import pytest

from localcloud.sagemaker.runtime_api import RuntimeApi
from tests.unit.localcloud.endpoints.conftest import Endpoints


def _handle(endpoints: Endpoints, method: str, path: str, body: bytes = b"{}", **headers: str):
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    status, answer_headers, answer = endpoints.loop.run(
        RuntimeApi(endpoints.supervisor).handle(method, path, sent, body)
    )
    return status, answer_headers.get("x-amzn-ErrorType"), json.loads(answer)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/endpoints/e/invocations"),
        ("POST", "/endpoints/e/async-invocations"),
        ("POST", "/"),
        ("POST", "/endpoints"),
    ],
)
def test_other_operations_are_said_to_be_uncovered(endpoints: Endpoints, method: str, path: str) -> None:
    status, kind, answer = _handle(endpoints, method, path)
    assert (status, kind) == (404, "UnknownOperationException")
    assert path in answer["message"]


@pytest.mark.parametrize("name", ["-e", "a%20b", "x" * 64, "e%2F..", "%00"])
def test_a_name_that_no_endpoint_can_have_is_refused(endpoints: Endpoints, name: str) -> None:
    status, kind, answer = _handle(endpoints, "POST", f"/endpoints/{name}/invocations")
    assert (status, kind) == (400, "ValidationError")
    assert "endpointName" in answer["message"]


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X_Amzn_SageMaker_Custom_Attributes", "a\r\nevil: 1"),
        ("X_Amzn_SageMaker_Custom_Attributes", "x" * 1025),
        ("Accept", "caf\u00e9"),
        ("X_Amzn_SageMaker_Target_Model", "x" * 1025),
        ("X_Amzn_SageMaker_Target_Container_Hostname", "second"),
    ],
)
def test_headers_that_could_not_be_passed_on_are_refused(endpoints: Endpoints, header: str, value: str) -> None:
    status, kind, answer = _handle(endpoints, "POST", "/endpoints/e/invocations", **{header: value})
    assert (status, kind) == (400, "ValidationError")
    assert header.lower().replace("_", "-") in answer["message"]


def test_an_unknown_variant_is_named(endpoints: Endpoints) -> None:
    endpoints.put_config("c1", primary={})
    endpoints.create("c1")
    path = "/endpoints/e/invocations"
    status, kind, answer = _handle(endpoints, "POST", path, X_Amzn_SageMaker_Target_Variant="other")
    assert (status, kind) == (400, "ValidationError")
    assert "other" in answer["message"]


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_every_error_of_the_container_is_a_model_error_with_its_own_words(endpoints: Endpoints, status: int) -> None:
    endpoints.put_config("c1", primary={})
    endpoints.create("c1")
    answered, kind, answer = _handle(endpoints, "POST", "/endpoints/e/invocations", f"status {status}".encode())
    assert (answered, kind) == (424, "ModelError")
    assert answer["OriginalStatusCode"] == status
    assert answer["OriginalMessage"] == '{"error": "as asked"}'


def test_a_container_that_does_not_answer_in_time_is_a_model_error(endpoints: Endpoints) -> None:
    endpoints.put_config("c1", primary={})
    endpoints.create("c1")
    endpoints.supervisor._invoker._timeout = 0.2
    answered, kind, answer = _handle(endpoints, "POST", "/endpoints/e/invocations", b"sleep 5")
    assert (answered, kind) == (424, "ModelError")
    assert answer["OriginalMessage"].startswith("Your invocation timed out while waiting for a response")
