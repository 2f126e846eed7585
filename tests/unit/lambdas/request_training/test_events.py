import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from request_training.events import NotInLayout, place, read
from shared.errors import InvalidInput
from shared.names import DATASET, WORKLOAD


def record(event: Any) -> dict[str, Any]:
    return {"messageId": "m1", "body": event if isinstance(event, str) else json.dumps(event)}


def test_a_delivery_says_where_the_object_lies(load_event: Any) -> None:
    delivery = read(record(load_event("s3_object_created")))
    assert (delivery.bucket, delivery.workload, delivery.dataset, delivery.channel) == (
        "slipway-data",
        "digits",
        "20261112-080000-ab12",
        "train",
    )


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("digits/d1/train/a.gz", ("digits", "d1", "train")),
        ("digits/d1/train/deep/er/a.gz", ("digits", "d1", "train")),
        ("digits/d1/train/request.json", ("digits", "d1", "train")),
        ("digits/d1/request.json", ("digits", "d1", None)),
        ("digits/d1/train/with space+plus%20.gz", ("digits", "d1", "train")),
    ],
)
def test_a_key_of_the_layout_has_its_place(key: str, expected: tuple[str, str, str | None]) -> None:
    assert place(key) == expected


@pytest.mark.parametrize(
    "key", ["", "digits", "digits/", "digits/d1", "digits/d1/", "digits/d1/a.gz", "digits/d1/train/", "/d1/train/a",
            "digits//train/a", "digits/d1//a", "digits/d 1/train/a", f"digits/{'d' * 61}/train/a"],
)  # fmt: skip
def test_a_key_outside_the_layout_is_not_placed(key: str) -> None:
    with pytest.raises(NotInLayout):
        place(key)


@given(st.text(alphabet=st.characters(codec="utf-8") | st.just("/"), max_size=60))
def test_any_key_is_placed_by_the_layout_or_not_at_all(key: str) -> None:
    try:
        workload, dataset, channel = place(key)
    except NotInLayout:
        return
    assert WORKLOAD.fullmatch(workload) and DATASET.fullmatch(dataset)
    assert key.startswith(f"{workload}/{dataset}/{channel or 'request.json'}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": "aws.ec2"}, "event is 'aws.ec2' 'Object Created'"),
        ({"detail-type": "Object Deleted"}, "event is 'aws.s3' 'Object Deleted'"),
        ({"detail": {}}, "event.detail.bucket is missing"),
        ({"detail": {"bucket": {"name": 1}}}, "event.detail.bucket.name must be a str, found int"),
        ({"detail": {"bucket": {"name": "b"}, "object": {}}}, "event.detail.object.key is missing"),
    ],
)
def test_an_event_of_another_shape_is_refused_with_the_field(load_event: Any, change: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read(record({**load_event("s3_object_created"), **change}))
    assert message in str(refusal.value)


@given(st.text())
def test_a_body_that_is_no_event_is_refused(body: str) -> None:
    with pytest.raises(InvalidInput):
        read(record(body))
