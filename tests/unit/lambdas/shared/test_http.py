import base64
import json
from typing import Any

import pytest
from shared.http import ApiError, Request, answer, parse, respond
from shared.log import Log

LOG = Log("test", {"request_id": "r-1"})


def test_header_names_are_read_in_any_case() -> None:
    assert parse({"headers": {"CONTENT-Type": "a/b"}}).headers == {"content-type": "a/b"}


def test_an_event_without_headers_parameters_and_body_is_a_request() -> None:
    assert parse({"headers": None, "pathParameters": None, "body": None}) == Request(
        path_parameters={}, headers={}, body=b""
    )


def test_a_base64_body_is_decoded() -> None:
    assert parse({"body": base64.b64encode(b"\x00\xff").decode(), "isBase64Encoded": True}).body == b"\x00\xff"


@pytest.mark.parametrize("event", [{"body": "not base64!", "isBase64Encoded": True}, {"body": "\ud800"}])
def test_a_body_that_cannot_be_decoded_is_answered_with_400(event: dict[str, Any]) -> None:
    response = answer(event, log=LOG, function=lambda request: respond(200, {}))
    assert response["statusCode"] == 400
    assert json.loads(response["body"])["error"]["code"] == "invalid_body"


def test_an_api_error_becomes_its_status_code_message_field_and_retry_after() -> None:
    def refuse(request: Request) -> dict[str, Any]:
        raise ApiError(503, "not_ready", "soon", field="instances[0]", retry_after=5)

    response = answer({}, log=LOG, function=refuse)
    assert response["statusCode"] == 503
    assert response["headers"]["Retry-After"] == "5"
    assert json.loads(response["body"]) == {"error": {"code": "not_ready", "message": "soon", "field": "instances[0]"}}


def test_an_unforeseen_exception_is_answered_without_its_text_and_logged_with_its_trace(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(request: Request) -> dict[str, Any]:
        raise RuntimeError("secret detail")

    response = answer({}, log=LOG, function=fail)
    assert response["statusCode"] == 500
    assert "secret" not in response["body"] and "Traceback" not in response["body"]
    assert "r-1" in json.loads(response["body"])["error"]["message"]
    line = json.loads(capsys.readouterr().out)
    assert line["level"] == "ERROR" and "secret detail" in "".join(line["trace"])


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b=c", "a\nb", "\x00", "\u00e9"])
def test_a_header_value_that_could_split_the_response_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="header X"):
        respond(200, {}, {"X": value})
