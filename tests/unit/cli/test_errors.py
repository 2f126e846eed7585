"""Errors of the AWS SDK as sentences."""

from __future__ import annotations

from botocore.exceptions import ClientError, EndpointConnectionError, NoRegionError

from cli.errors import explained


def test_a_refused_call_names_operation_code_and_message() -> None:
    response = {"Error": {"Code": "AccessDenied", "Message": "not authorized to perform: s3:PutObject"}}
    told = explained(ClientError(response, "PutObject"))
    assert told is not None
    assert told.message == "PutObject was refused: AccessDenied: not authorized to perform: s3:PutObject"
    assert "permission" in told.hint


def test_what_a_person_can_mend_comes_with_what_to_do() -> None:
    for error in (NoRegionError(), EndpointConnectionError(endpoint_url="http://127.0.0.1:4700")):
        told = explained(error)
        assert told is not None
        assert told.hint


def test_other_errors_are_left_alone() -> None:
    assert explained(KeyError("bug")) is None
