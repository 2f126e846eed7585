"""DataProcessing: what is sent and what is written."""

import json
from typing import Any

import pytest

from localcloud.sagemaker.transform.association import Association
from localcloud.sagemaker.transform.formats import FormatError
from localcloud.sagemaker.transform.jsonpath import PathMismatch
from localcloud.sagemaker.transform.payloads import Payload


def association(content_type: str, split: str = "Line", *, labelled: bool = False, **processing: str) -> Association:
    job: dict[str, Any] = {
        "TransformInput": {"ContentType": content_type, "SplitType": split},
        "TransformOutput": {},
        "DataProcessing": processing,
        "DataCaptureConfig": {"GenerateInferenceId": labelled},
    }
    return Association.of(job)


def test_without_processing_every_byte_is_passed_on() -> None:
    plain = association("image/png", "None")
    payload = Payload(b"\xff\x00", 1, 1)
    assert plain.request(payload) == b"\xff\x00"
    assert plain.output(payload, b"\x01") == b"\x01"


def test_csv_is_filtered_joined_and_filtered_again() -> None:
    job = association("text/csv", InputFilter="$[1:]", JoinSource="Input", OutputFilter="$[0,-1]")
    payload = Payload(b'"a ""1""",1,2\nb,3,4\n', 1, 2)
    assert job.request(payload) == b"1,2\n3,4\n"
    assert job.output(payload, b"0.1\n0.2\n") == b'"a ""1""",0.1\nb,0.2\n'


def test_a_single_csv_record_is_sent_without_a_line_end() -> None:
    assert association("text/csv", InputFilter="$[1:]").request(Payload(b"a,1,2", 1, 1)) == b"1,2"


def test_json_that_is_no_object_gets_both_keys() -> None:
    job = association("application/json", "None", JoinSource="Input")
    assert json.loads(job.output(Payload(b"[1, 2]", 1, 1), b'{"y": 3}')) == {
        "SageMakerInput": [1, 2],
        "SageMakerOutput": {"y": 3},
    }


def test_an_object_of_json_over_several_lines_is_one_record() -> None:
    job = association("application/json", "None", JoinSource="Input")
    body = b'{\n  "x": 1\n}'
    assert job.output(Payload(body, 1, 1), b'{\n "y": 2\n}') == b'{"x":1,"SageMakerOutput":{"y":2}}'


def test_an_output_filter_needs_no_join() -> None:
    job = association("application/jsonlines", OutputFilter="$.score")
    assert job.output(Payload(b"{}\n{}\n", 1, 2), b'{"score": 1}\n{"score": 2}\n') == b"1\n2\n"


def test_answers_that_are_not_one_a_record_are_refused() -> None:
    job = association("text/csv", JoinSource="Input")
    with pytest.raises(FormatError, match="2 records were sent and 1 records were answered"):
        job.output(Payload(b"a\nb\n", 1, 2), b"1\n")


@pytest.mark.parametrize("answer", [b"not json", b"NaN", b"[" * 100_000])
def test_answers_in_another_format_are_refused(answer: bytes) -> None:
    with pytest.raises(FormatError, match="Failed to parse as JSON"):
        association("application/json", JoinSource="Input").output(Payload(b"{}", 1, 1), answer)


def test_an_index_outside_the_joined_row_is_an_error() -> None:
    with pytest.raises(PathMismatch, match="index 5"):
        association("text/csv", JoinSource="Input", OutputFilter="$[5]").output(Payload(b"a", 1, 1), b"1")


def test_labels_are_columns_of_csv_and_members_of_json() -> None:
    csv = association("text/csv", labelled=True).output(Payload(b"a\nb\n", 1, 2), b"1\n2\n").decode().splitlines()
    assert [row.split(",")[0] for row in csv] == ["1", "2"]
    assert len({row.split(",")[1] for row in csv}) == 2
    (line,) = association("application/jsonlines", labelled=True).output(Payload(b"{}", 1, 1), b"0.5").splitlines()
    assert set(json.loads(line)) == {"SageMakerOutput", "SageMakerInferenceId", "SageMakerInferenceTime"}


def test_json_lines_that_are_not_split_are_still_records() -> None:
    job = association("application/jsonlines", "None", JoinSource="Input", InputFilter="$.x")
    payload = Payload(b'{"x":1}\n{"x":2}\n', 1, 1)
    assert job.request(payload) == b"1\n2\n"
    assert job.output(payload, b"3\n4\n") == b'{"x":1,"SageMakerOutput":3}\n{"x":2,"SageMakerOutput":4}\n'


def test_a_field_of_csv_may_be_as_large_as_a_payload() -> None:
    body = b"id," + b"x" * 200_000
    assert association("text/csv", InputFilter="$[1:]").request(Payload(body, 1, 1)) == body[3:]
