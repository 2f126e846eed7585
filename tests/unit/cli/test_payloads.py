"""What a file of a request holds."""

from __future__ import annotations

import pytest

from cli import payloads
from cli.errors import CliError


@pytest.mark.parametrize(
    ("file", "media_type"),
    [
        ("a.json", "application/json"),
        ("rows.CSV", "text/csv"),
        ("x/y.jsonl", "application/jsonlines"),
        ("images.npy", "application/x-npy"),
        ("-", "application/json"),
    ],
)
def test_the_name_says_what_a_file_holds(file: str, media_type: str) -> None:
    assert payloads.content_type(file) == media_type


@pytest.mark.parametrize("file", ["clip.mp4", "no-ending", "a.csv.gz"])
def test_what_the_name_does_not_say_is_asked_for(file: str) -> None:
    with pytest.raises(CliError) as raised:
        payloads.content_type(file)
    assert file in raised.value.message
    assert "--content-type" in raised.value.hint
