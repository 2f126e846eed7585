import base64
import json
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from predict import logic
from predict.directory import KEEP_SECONDS, Directory
from predict.handler import handler
from predict.validation import MAX_BODY_BYTES
from shared.clients import client

from tests.support.loopback_aws import Invocation, LoopbackAws, ServiceError

ANSWER = Invocation(
    headers={
        "X-Amzn-SageMaker-Custom-Attributes": "model_version=7",
        "x-Amzn-Invoked-Production-Variant": "primary",
    },
    body=b'{"predictions": [{"label": 1}, {"label": 2}]}',
)

Post = Callable[..., tuple[int, dict[str, Any], dict[str, str]]]


def error(kind: str, status: int = 400, **members: Any) -> Invocation:
    """An error answer of the service, as botocore reads it: the code in a header, the members in the body."""
    return Invocation(status=status, headers={"x-amzn-ErrorType": kind}, body=json.dumps(members).encode())


def model_error(status: int, message: Any = "boom") -> Invocation:
    text = message if isinstance(message, str) else json.dumps(message)
    return error("ModelError", 424, OriginalStatusCode=status, OriginalMessage=text, Message="Received server error")


@pytest.fixture
def post(
    aws: LoopbackAws,
    parameters: dict[str, Any],
    load_event: Any,
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Post:
    """Calls the handler with the example event, changed; returns status, JSON body, headers."""
    monkeypatch.setattr("predict.handler.DIRECTORY", Directory())
    aws.invoke = lambda endpoint, body, headers: ANSWER

    def send(**changes: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
        response = handler({**load_event("api_predict"), **changes}, context)
        assert "Traceback" not in response["body"]
        return response["statusCode"], json.loads(response["body"]), response["headers"]

    return send


def code(answer: tuple[int, dict[str, Any], dict[str, str]]) -> tuple[int, str]:
    return answer[0], answer[1]["error"]["code"]


def test_a_prediction_carries_the_models_answer_its_version_and_its_variant(aws: LoopbackAws, post: Post) -> None:
    status, body, headers = post()
    assert status == 200
    assert body == {"predictions": [{"label": 1}, {"label": 2}], "model_version": "7", "variant": "primary"}
    assert headers["X-Slipway-Model-Version"] == "7"
    assert headers["X-Slipway-Variant"] == "primary"
    ((endpoint, sent, sent_headers),) = aws.called("InvokeEndpoint")
    assert (endpoint, sent) == ("slipway-dev-digits", b'{"instances": [[0, 1], [2, 3]]}')
    assert (sent_headers["Content-Type"], sent_headers["Accept"]) == ("application/json", "application/json")


def test_every_request_is_filed_under_an_id_of_its_own_that_the_caller_learns(aws: LoopbackAws, post: Post) -> None:
    told = [post()[2]["X-Slipway-Inference-Id"] for _ in range(2)]
    sent = [headers["X-Amzn-SageMaker-Inference-Id"] for _, _, headers in aws.called("InvokeEndpoint")]
    assert told == sent and told[0] != told[1]
    assert all(re.fullmatch(r"[0-9a-f-]{36}", identity) for identity in told)


def test_a_base64_body_reaches_the_model_decoded(aws: LoopbackAws, post: Post) -> None:
    body = '{"instances": ["\u00e9"]}'.encode()
    assert post(body=base64.b64encode(body).decode(), isBase64Encoded=True)[0] == 200
    assert aws.called("InvokeEndpoint")[0][1] == body


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/json"},
        {"CONTENT-TYPE": "application/json; charset=UTF-8"},
        {"Content-Type": "Application/JSON", "accept": "text/html, application/*;q=0.5"},
        {"Content-Type": "application/json", "Accept": "*/*"},
    ],
)
def test_media_types_are_compared_as_http_has_them(post: Post, headers: dict[str, str]) -> None:
    assert post(headers=headers)[0] == 200


@pytest.mark.parametrize(
    "content_type",
    [None, "", "application/json; charset=utf-16", "json", "text/", "text/c sv", "text/\u00e9", "a/b; x=" + "y" * 1024],
)
def test_what_is_no_content_type_never_reaches_the_model(
    aws: LoopbackAws, post: Post, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    assert code(post(headers=headers)) == (415, "unsupported_media_type")
    assert aws.called("InvokeEndpoint") == []


@pytest.mark.parametrize("accept", ["text/\u00e9", "a/b" * 400, "text/csv\x01"])
def test_an_accept_that_cannot_be_passed_on_is_406(aws: LoopbackAws, post: Post, accept: str) -> None:
    assert code(post(headers={"Content-Type": "text/csv", "Accept": accept})) == (406, "not_acceptable")
    assert aws.called("InvokeEndpoint") == []


@pytest.mark.parametrize("accept", ["text/csv", "*/*", None])
@pytest.mark.parametrize(
    ("content_type", "body"),
    [("text/csv; header=present", b"a,b\n1,2\n"), ("application/x-npy", b"\x93NUMPY\0\xff"), ("video/mp4", b"\0\xff")],
)
def test_any_media_type_goes_to_the_model_byte_by_byte(
    aws: LoopbackAws, post: Post, content_type: str, body: bytes, accept: str | None
) -> None:
    headers = {"Content-Type": content_type} | ({"Accept": accept} if accept else {})
    assert post(headers=headers, body=base64.b64encode(body).decode(), isBase64Encoded=True)[0] == 200
    ((_, sent, sent_headers),) = aws.called("InvokeEndpoint")
    assert sent == body
    assert (sent_headers["Content-Type"], sent_headers["Accept"]) == (content_type, accept or "application/json")


@pytest.mark.parametrize(
    ("content_type", "body", "encoded"),
    [
        ("text/csv", "7,0.5\n\u00e9\n".encode(), False),
        ("application/jsonlines", b'{"label":7}\n', False),
        ("application/x-npy", b"\x93NUMPY\0\xff", True),
    ],
)
def test_an_answer_of_another_type_is_passed_on_as_it_is(
    aws: LoopbackAws, load_event: Any, context: Any, post: Post, content_type: str, body: bytes, encoded: bool
) -> None:
    answer = Invocation(headers={**ANSWER.headers, "Content-Type": content_type}, body=body)
    aws.invoke = lambda endpoint, sent, headers: answer
    response = handler(load_event("api_predict"), context)
    assert response["isBase64Encoded"] is encoded
    assert (base64.b64decode(response["body"]) if encoded else response["body"].encode()) == body
    expected = {"Content-Type": content_type, "X-Slipway-Model-Version": "7", "X-Slipway-Variant": "primary"}
    assert expected.items() <= response["headers"].items()


def test_an_answer_of_another_type_that_is_too_large_is_502(
    aws: LoopbackAws, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logic, "MAX_ANSWER_BYTES", 3)
    aws.invoke = lambda endpoint, sent, headers: Invocation(headers={"Content-Type": "text/csv"}, body=b"1,2\n")
    assert code(post()) == (502, "model_error")


@pytest.mark.parametrize(
    "body",
    [None, "", "  ", "{", "[1]", '"text"', "null", '{"instances": NaN}', '{"instances": [1e999]}', '{"a": 1, "a": 2}',
     "[" * 100_000, "\ud800"],
)  # fmt: skip
def test_a_wrong_body_is_400_and_never_reaches_the_model(aws: LoopbackAws, post: Post, body: str | None) -> None:
    assert code(post(body=body)) == (400, "invalid_body")
    assert aws.called("InvokeEndpoint") == []


@pytest.mark.parametrize("body", ["not base64!", base64.b64encode(b"\xff\xfe").decode()])
def test_a_base64_body_that_is_no_text_is_400(post: Post, body: str) -> None:
    assert code(post(body=body, isBase64Encoded=True)) == (400, "invalid_body")


def test_a_body_above_the_limit_is_413_and_one_at_the_limit_is_not(aws: LoopbackAws, post: Post) -> None:
    frame = len('{"a": ""}')
    assert post(body='{"a": "' + "x" * (MAX_BODY_BYTES - frame) + '"}')[0] == 200
    assert code(post(body='{"a": "' + "x" * (MAX_BODY_BYTES - frame + 1) + '"}')) == (413, "too_large")
    assert len(aws.called("InvokeEndpoint")) == 1


@pytest.mark.parametrize("name", ["letters", "../platform", "", "a\r\nSet-Cookie: b", "x" * 500])
def test_an_unknown_workload_is_404(post: Post, name: str) -> None:
    assert code(post(pathParameters={"name": name})) == (404, "unknown_workload")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (model_error(400), (400, "invalid_request")),
        (model_error(406), (406, "not_acceptable")),
        (model_error(413), (413, "too_large")),
        (model_error(415), (415, "unsupported_media_type")),
        (model_error(429), (429, "throttled")),
        (model_error(500), (502, "model_error")),
        (model_error(501), (502, "model_error")),
        (model_error(404), (502, "model_error")),
        (model_error(503), (503, "not_ready")),
        (model_error(0, "Your invocation timed out"), (504, "model_timeout")),
        (error("ModelNotReadyException", 429, Message="loading"), (503, "not_ready")),
        (error("ValidationError", Message="Endpoint slipway-dev-digits of account 1 not found."), (503, "not_ready")),
        (error("ValidationError", Message="Endpoint is not in service"), (503, "not_ready")),
        (error("ThrottlingException", Message="Rate exceeded"), (429, "throttled")),
        (error("ServiceUnavailable", 503, Message="x"), (503, "unavailable")),
        (error("InternalFailure", 500, Message="x"), (503, "unavailable")),
        (error("InternalDependencyException", 530, Message="x"), (503, "unavailable")),
        (error("AccessDeniedException", 403, Message="arn:aws:iam::1:role/x"), (502, "upstream_error")),
    ],
)  # fmt: skip
def test_each_failure_has_its_status_and_is_asked_once(
    aws: LoopbackAws, post: Post, answer: Invocation, expected: tuple[int, str]
) -> None:
    aws.invoke = lambda endpoint, body, headers: answer
    result = post()
    assert code(result) == expected
    assert ("Retry-After" in result[2]) == (expected[0] in {429, 503})
    assert len(aws.called("InvokeEndpoint")) == 1
    assert "arn:aws" not in json.dumps(result[1]) and "account" not in json.dumps(result[1])


def test_the_model_servers_own_message_and_field_reach_the_caller_of_a_bad_request(
    aws: LoopbackAws, post: Post
) -> None:
    said = {"error": {"message": "instance 0 has shape 2x2, expected 28x28", "field": "instances[0]"}}
    aws.invoke = lambda endpoint, body, headers: model_error(400, said)
    assert post()[1]["error"] == {
        "code": "invalid_request",
        "message": "instance 0 has shape 2x2, expected 28x28",
        "field": "instances[0]",
    }


@pytest.mark.parametrize("said", ["Traceback (most recent call last): secret", '{"error": "secret"}', "[]", ""])
def test_what_the_container_says_in_any_other_form_stays_inside(aws: LoopbackAws, post: Post, said: str) -> None:
    aws.invoke = lambda endpoint, body, headers: model_error(400, said)
    assert post()[1]["error"] == {"code": "invalid_request", "message": "the model refused the request"}


def test_a_model_that_fails_says_nothing_of_its_inside(aws: LoopbackAws, post: Post) -> None:
    aws.invoke = lambda endpoint, body, headers: model_error(500, {"error": {"message": "secret in line 3"}})
    assert post()[1]["error"] == {"code": "model_error", "message": "the model failed on this request"}


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b'{"predictions": [NaN]}', b"", b"\xff"])
def test_an_answer_that_is_no_json_object_is_502(aws: LoopbackAws, post: Post, body: bytes) -> None:
    aws.invoke = lambda endpoint, sent, headers: Invocation(headers=ANSWER.headers, body=body)
    assert code(post()) == (502, "model_error")


def test_an_answer_too_large_for_the_api_is_502(aws: LoopbackAws, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logic, "MAX_ANSWER_BYTES", 10)
    assert code(post()) == (502, "model_error")


@pytest.mark.parametrize("sleeps", [False, True])
def test_a_model_that_does_not_answer_in_time_is_504_and_503_where_the_request_may_have_woken_it(
    aws: LoopbackAws, parameters: dict[str, Any], post: Post, monkeypatch: pytest.MonkeyPatch, sleeps: bool
) -> None:
    if sleeps:
        serverless = {"memory_mb": 1024, "max_concurrency": 5, "provisioned_concurrency": None}
        parameters["/slipway/dev/workloads/digits"]["serving"]["serverless"] = serverless
    release = threading.Event()

    def hang(endpoint: str, body: bytes, headers: dict[str, str]) -> Invocation:
        release.wait(20)
        return ANSWER

    aws.invoke = hang
    monkeypatch.setattr("predict.handler.INVOKE_TIMEOUT_SECONDS", 0.2)
    try:
        answer = post()
        assert code(answer) == ((503, "waking") if sleeps else (504, "model_timeout"))
        assert answer[2].get("Retry-After") == ("5" if sleeps else None)
        aws.invoke = lambda endpoint, body, headers: model_error(0, "Your invocation timed out")
        assert code(post()) == ((503, "waking") if sleeps else (504, "model_timeout"))
    finally:
        release.set()


def test_an_endpoint_that_cannot_be_reached_is_503(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "http://127.0.0.1:1")
    answer = post()
    assert code(answer) == (503, "unavailable") and "Retry-After" in answer[2]


def test_a_failure_inside_the_service_is_answered_as_one(aws: LoopbackAws, post: Post) -> None:
    def deny(request: dict[str, Any]) -> dict[str, Any]:
        raise ServiceError("AccessDeniedException", "not authorized to perform: ssm:GetParameter")

    aws.operations["AmazonSSM.GetParameter"] = deny
    answer = post()
    assert code(answer) == (500, "internal_error") and "ssm" not in json.dumps(answer[1])


def test_a_missing_setting_is_answered_not_raised(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLIPWAY_WORKLOADS_PATH")
    assert code(post()) == (500, "internal_error")


def test_a_version_that_could_split_the_answers_headers_is_left_out(aws: LoopbackAws, post: Post) -> None:
    headers = {**ANSWER.headers, "X-Amzn-SageMaker-Custom-Attributes": "model_version=7%0d%0aSet-Cookie: a=b"}
    aws.invoke = lambda endpoint, body, sent: Invocation(headers=headers, body=ANSWER.body)
    status, body, answered = post()
    assert (status, body["model_version"]) == (200, None)
    assert "X-Slipway-Model-Version" not in answered


def test_no_payload_is_logged(post: Post, capsys: pytest.CaptureFixture[str]) -> None:
    post(body='{"instances": ["very-private"]}')
    assert "very-private" not in capsys.readouterr().out


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(st.text())
def test_any_text_is_answered_with_json_and_a_known_status(post: Post, body: str) -> None:
    status, document, _ = post(body=body)
    assert status in {200, 400}
    assert ("error" in document) == (status == 400)


def test_a_descriptor_is_looked_up_once_a_minute(aws: LoopbackAws, parameters: dict[str, Any]) -> None:
    now = [0.0]
    directory = Directory(clock=lambda: now[0])

    def endpoint() -> str:
        return directory.endpoint(client("ssm"), path="/slipway/dev/workloads", workload="digits").name

    assert endpoint() == endpoint() == "slipway-dev-digits"
    assert len(aws.called("AmazonSSM.GetParameter")) == 1
    parameters["/slipway/dev/workloads/digits"]["endpoint_name"] = "another"
    now[0] = KEEP_SECONDS + 1
    assert endpoint() == "another"
