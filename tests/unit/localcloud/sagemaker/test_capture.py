"""The format of captured data."""

import base64
import json
import re
from datetime import UTC, datetime

from localcloud.sagemaker.capture import Payload, TextTypes, encode_manifest, encode_record, object_name

MOMENT = datetime(2026, 11, 21, 8, 7, 6, 54_321, tzinfo=UTC)
TYPES = TextTypes.from_request({"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]})


def _record(**members: object) -> dict:
    line = encode_record(moment=MOMENT, types=TYPES, **members)
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    return json.loads(line)


def test_text_types_are_captured_as_they_are_whatever_their_parameters() -> None:
    record = _record(
        event_id="e-1",
        request=Payload(content_type="text/csv", body=b"1,2\n3,4"),
        response=Payload(content_type="Application/JSON; charset=utf-8", body='{"label": "é"}'.encode()),
    )
    assert record == {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv",
                "mode": "INPUT",
                "data": "1,2\n3,4",
                "encoding": "CSV",
            },
            "endpointOutput": {
                "observedContentType": "Application/JSON; charset=utf-8",
                "mode": "OUTPUT",
                "data": '{"label": "é"}',
                "encoding": "JSON",
            },
        },
        "eventMetadata": {"eventId": "e-1", "inferenceTime": "2026-11-21T08:07:06Z"},
        "eventVersion": "0",
    }


def test_other_types_and_bodies_that_are_no_text_are_captured_as_base64() -> None:
    for content_type in ("image/png", "text/csv"):
        captured = _record(request=Payload(content_type=content_type, body=b"\xff\x00"))["captureData"]
        assert captured["endpointInput"]["encoding"] == "BASE64"
        assert base64.b64decode(captured["endpointInput"]["data"]) == b"\xff\x00"


def test_without_content_type_headers_in_the_config_everything_is_base64() -> None:
    assert TextTypes.from_request(None).encoding("text/csv") == "BASE64"


def test_only_the_parts_asked_for_are_captured() -> None:
    captured = _record(response=Payload(content_type="text/csv", body=b"1"))["captureData"]
    assert list(captured) == ["endpointOutput"]


def test_metadata_carries_what_the_caller_sent() -> None:
    metadata = _record(inference_id="mine", custom_attributes="a=1")["eventMetadata"]
    assert metadata["inferenceId"] == "mine"
    assert metadata["customAttributes"] == ["a=1"]


def test_every_event_and_object_gets_an_id_of_its_own() -> None:
    assert _record()["eventMetadata"]["eventId"] != _record()["eventMetadata"]["eventId"]
    names = {object_name(MOMENT) for _ in range(2)}
    assert len(names) == 2
    assert all(re.fullmatch(r"2026/11/21/08/07-06-054-[0-9a-f-]{36}\.jsonl", name) for name in names)


def test_a_manifest_is_a_prefix_and_relative_keys() -> None:
    assert json.loads(encode_manifest("s3://b/in/", ["a.csv", "b/c.csv"])) == [
        {"prefix": "s3://b/in/"},
        "a.csv",
        "b/c.csv",
    ]
