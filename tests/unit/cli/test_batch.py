"""What can be scored in bulk, and what is refused before anything is uploaded."""

from __future__ import annotations

import pytest

from cli import batch
from cli.errors import CliError

DESCRIPTOR = {
    "name": "spam_spark",
    "data": {"bucket": "data", "prefix": "spam_spark/"},
    "batch": {"bucket": "artifacts", "prefix": "spam_spark/batch/"},
}


@pytest.mark.parametrize(
    ("source", "given", "expected"),
    [
        ("rows.csv", None, "text/csv"),
        ("s3://bucket/rows.jsonl", None, "application/jsonlines"),
        ("rows.txt", "text/csv", "text/csv"),
    ],
)
def test_the_media_type_is_given_or_clear_from_the_name(source: str, given: str | None, expected: str) -> None:
    assert batch._content_type(source, given) == expected


@pytest.mark.parametrize(
    ("source", "given", "told"),
    [
        ("rows.txt", None, "not clear from its name"),
        ("rows.json", "application/json", "row by row"),
        ("rows.csv", "text/csv; header=present", "row by row"),
    ],
)
def test_what_does_not_come_in_lines_is_refused(source: str, given: str | None, told: str) -> None:
    with pytest.raises(CliError, match=told) as refused:
        batch._content_type(source, given)
    assert "application/jsonlines" in refused.value.hint


@pytest.mark.parametrize("uri", ["s3://data/spam_spark/20260101/rows.csv", "s3://artifacts/spam_spark/batch/rows"])
def test_objects_that_the_role_may_read_are_scored_where_they_are(uri: str) -> None:
    assert batch._place(uri, DESCRIPTOR).uri == uri


@pytest.mark.parametrize(
    "uri", ["s3://data/other/rows.csv", "s3://artifacts/spam_spark/training/x", "s3://elsewhere/spam_spark/rows.csv"]
)
def test_objects_elsewhere_are_refused_with_the_place_to_copy_them_to(uri: str) -> None:
    with pytest.raises(CliError, match="may read") as refused:
        batch._place(uri, DESCRIPTOR)
    assert "s3://artifacts/spam_spark/batch/" in refused.value.hint


def test_a_missing_file_is_told(tmp_path) -> None:
    with pytest.raises(CliError, match="is not a file"):
        batch._file(str(tmp_path / "rows.csv"))
