import re
from typing import Any

import pytest
from shared.errors import InvalidInput
from shared.fields import take, take_matching


def test_a_field_is_taken_when_it_is_of_its_kind() -> None:
    assert take({"a": 1}, "a", int) == 1


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "input.a is missing"),
        (None, "input.a is missing"),
        ({"a": "1"}, "input.a must be a int, found str"),
        ({"a": True}, "input.a must be a int, found bool"),
    ],
)
def test_a_field_that_cannot_be_taken_is_named(document: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        take(document, "a", int)


def test_a_field_must_match_its_pattern_whole() -> None:
    assert take_matching({"a": "xx"}, "a", re.compile("x+")) == "xx"
    with pytest.raises(InvalidInput, match=r"input\.a 'xy' does not match x\+"):
        take_matching({"a": "xy"}, "a", re.compile("x+"))
