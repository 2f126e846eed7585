import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from request_training.dataset import Request, StoredObject, missing_files, missing_objects, parse_request

CHANNELS = {"train": ["*.csv", "schema.json"], "test": ["[0-9]*.csv"]}


def stored(*names: str) -> list[StoredObject]:
    return [StoredObject(key=f"w/d/{name}", version_id="v", size=1, etag="e") for name in names]


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        ([], ["test/[0-9]*.csv", "train/*.csv", "train/schema.json"]),
        (["train/a.csv", "train/schema.json", "test/1.csv"], []),
        (["train/a.csv", "train/schema.json", "test/a.csv"], ["test/[0-9]*.csv"]),
        (["test/a.csv", "test/schema.json", "test/1.csv"], ["train/*.csv", "train/schema.json"]),
        (["train/A.CSV", "train/schema.json", "test/1.csv"], ["train/*.csv"]),
        (["train/part/a.csv", "train/schema.json", "test/1.csv"], []),
    ],
)
def test_a_data_set_is_complete_when_each_pattern_of_each_channel_matches(names: list[str], missing: list[str]) -> None:
    assert missing_files(stored(*names), prefix="w/d/", channels=CHANNELS) == missing


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, {}),
        ({"hyperparameters": {}}, {}),
        (
            {"hyperparameters": {"a": "x", "b": 1, "c": 0.5, "d": True, "e": False}},
            {"a": "x", "b": "1", "c": "0.5", "d": "true", "e": "false"},
        ),
    ],
)
def test_scalars_become_strings(document: Any, expected: dict[str, str]) -> None:
    assert parse_request(json.dumps(document).encode()) == Request(hyperparameters=expected)


@given(st.binary())
def test_no_bytes_raise_anything_but_a_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        parse_request(data)


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.booleans()))
def test_every_object_of_scalars_is_taken(values: dict[str, Any]) -> None:
    assert parse_request(json.dumps({"hyperparameters": values}).encode()).hyperparameters.keys() == values.keys()


def test_a_request_may_name_an_imported_model() -> None:
    assert parse_request(b'{"imported_model": "imported-20261121-ab12"}') == Request({}, "imported-20261121-ab12")


@pytest.mark.parametrize("name", ["", "slipway-dev-digits-0123456789ab", "imported-../x", "imported-", 7, None, ["a"]])
def test_what_is_no_name_of_an_imported_model_is_refused(name: Any) -> None:
    with pytest.raises(ValueError, match="imported_model"):
        parse_request(json.dumps({"imported_model": name}).encode())


@pytest.mark.parametrize("objects", [-1, True, 1.5, "3", None])
def test_a_number_of_objects_that_is_none_is_refused(objects: object) -> None:
    with pytest.raises(ValueError, match="objects must be a number of files"):
        parse_request(json.dumps({"objects": objects}).encode())


def test_a_data_set_waits_for_as_many_files_as_its_request_announces() -> None:
    names = ["request.json", "train/a.csv", "train/b.csv"]
    objects = [StoredObject(f"w/d/{name}", "v", 1, "e") for name in names]
    request = parse_request(b'{"objects": 3}')
    assert missing_objects(objects, prefix="w/d/", request=request) == ["1 of 3 files"]
    more = StoredObject("w/d/train/c.csv", "v", 1, "e")
    assert missing_objects([*objects, more], prefix="w/d/", request=request) == []
    assert missing_objects(objects, prefix="w/d/", request=Request()) == []
