"""Tables and texts: what is refused, with its line and column."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import pytest

Find = Callable[..., list[dict[str, Any]]]
COLUMNS = {"id": {"type": "int"}, "size": {"type": "float", "minimum": 0, "maximum": 9}, "label": {"type": "str"}}
GOOD = b"id,size,label\n1,0.5,a\n2,9,b\n"


def places(findings: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(finding["rule"], finding.get("row"), finding.get("column")) for finding in findings]


def test_a_good_file_has_no_findings(findings_of: Find) -> None:
    assert findings_of(GOOD, format="csv", columns=COLUMNS) == []


@pytest.mark.parametrize("content", [GOOD, GOOD.replace(b"\n", b"\r\n"), b'size,label,id\n1,"a, ""b""\nc",3\n'])
def test_line_ends_quotes_and_the_order_of_columns_do_not_matter(findings_of: Find, content: bytes) -> None:
    assert findings_of(content, format="csv", columns=COLUMNS) == []


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"", ("minimum_bytes", None, None)),
        (b"\n", ("columns", 1, "id")),
        (b"id,size,label\n", ("minimum_rows", None, None)),
        (b"\xef\xbb\xbf" + GOOD, ("encoding", 1, None)),
        (GOOD.decode().encode("utf-16"), ("encoding", 1, None)),
        (GOOD + b"3,1,caf\xe9\n", ("encoding", 4, None)),
        (GOOD + b"3,1,\0\n", ("encoding", 4, None)),
        (GOOD + b"3,1\n", ("columns", 4, None)),
        (GOOD + b"3,1,a,b\n", ("columns", 4, None)),
        (GOOD + b"\n", ("columns", 4, None)),
        (GOOD + b'3,1,"a\n', ("csv", 4, None)),
        (GOOD + b"3,1,\n", ("nullable", 4, "label")),
        (GOOD + b"3.5,1,a\n", ("type", 4, "id")),
        (GOOD + b"1_000,1,a\n", ("type", 4, "id")),
        (GOOD + "٣,1,a\n".encode(), ("type", 4, "id")),
        (GOOD + b"3,big,a\n", ("type", 4, "size")),
        (GOOD + b"3,NaN,a\n", ("finite", 4, "size")),
        (GOOD + b"3,-Infinity,a\n", ("finite", 4, "size")),
        (GOOD + b"3,1e999,a\n", ("finite", 4, "size")),
        (GOOD + b"3,-0.1,a\n", ("minimum", 4, "size")),
        (GOOD + b"3,9.1,a\n", ("maximum", 4, "size")),
        (GOOD + b"3,1," + b"x" * 5000 + b"\n", ("maximum_line_bytes", 4, None)),
        (b"id,label\n1,a\n", ("columns", 1, "size")),
        (b"id,id,size,label\n1,1,2,a\n", ("columns", 1, "id")),
        (b"id,size,label,extra\n1,2,a,x\n", ("columns", 1, "extra")),
    ],
)
def test_a_bad_csv_file_is_named_by_row_and_column(findings_of: Find, content: bytes, place: tuple[Any, ...]) -> None:
    found = findings_of(content, format="csv", columns=COLUMNS, maximum_line_bytes=4096)
    assert places(found)[0] == place


def test_a_row_is_counted_over_quoted_line_breaks(findings_of: Find) -> None:
    content = b'id,size,label\n1,2,"two\nlines"\n2,x,b\n'
    assert places(findings_of(content, format="csv", columns=COLUMNS)) == [("type", 4, "size")]


def test_one_class_only_is_refused(findings_of: Find) -> None:
    content = b"id,size,label\n1,1,a\n2,2,a\n"
    found = findings_of(content, format="csv", columns=COLUMNS, classes={"column": "label"})
    assert places(found) == [("classes", None, "label")]
    assert found[0]["value"] == "a"
    assert "holds 1 classes: at least 2 are needed" in found[0]["message"]


def test_each_class_needs_its_rows(findings_of: Find) -> None:
    content = b"id,size,label\n1,1,a\n2,2,a\n3,3,b\n"
    classes = {"column": "label", "minimum_rows": 2}
    found = findings_of(content, format="csv", columns=COLUMNS, classes=classes)
    assert [(finding["rule"], finding["value"]) for finding in found] == [("classes", "b")]


def test_a_key_occurs_once(findings_of: Find) -> None:
    content = b"id,size,label\n1,1,a\n1,1,b\n2,1,a\n1,2,a\n1,1,b\n"
    keyed = findings_of(content, format="csv", columns=COLUMNS, unique=[["id", "label"]])
    assert places(keyed) == [("unique", 5, "id, label"), ("unique", 6, "id, label")]


def test_columns_that_are_not_named_follow_their_common_rule(findings_of: Find) -> None:
    content = b"id,size,label,extra\n1,2,a,3\n2,2,a,x\n"
    found = findings_of(content, format="csv", columns=COLUMNS, other_columns={"type": "float"})
    assert places(found) == [("type", 3, "extra")]


def test_without_a_header_columns_go_by_their_order(findings_of: Find) -> None:
    rules = {"format": "csv", "header": False, "delimiter": ";", "quote": None}
    assert findings_of(b'1;2;"a\n', columns=COLUMNS, **rules) == []
    assert places(findings_of(b"1;2;a\n1;a;2\n", columns=COLUMNS, **rules)) == [("type", 2, "size")]
    assert places(findings_of(b"1;2;a;4\n", columns=COLUMNS, **rules)) == [("columns", 1, None)]
    found = findings_of(b"1;2;a;4\n1;2;a;x\n", columns=COLUMNS, other_columns={"type": "int"}, **rules)
    assert places(found) == [("type", 2, "#4")]


def test_missing_values_are_the_texts_that_the_manifest_says(findings_of: Find) -> None:
    columns = {"size": {"type": "float", "nullable": True}}
    content = b"size\nNA\nNaN\nnan\n"
    found = findings_of(content, format="csv", columns=columns, missing=["NA", "NaN"])
    assert places(found) == [("finite", 4, "size")]


def test_allowed_values_patterns_and_lengths_of_texts(findings_of: Find) -> None:
    columns = {
        "a": {"type": "str", "allowed": ["x", "yy"], "maximum_length": 1},
        "b": {"type": "str", "pattern": "[0-9]+"},
    }
    found = findings_of(b"a,b\nx,1\nz,1\nyy,1\nx,1a\n", format="csv", columns=columns)
    assert places(found) == [("allowed", 3, "a"), ("maximum_length", 4, "a"), ("pattern", 5, "b")]


def test_a_file_of_findings_is_left_after_twenty(findings_of: Find) -> None:
    found = findings_of(b"id\n" + b"x\n" * 1000, format="csv", columns={"id": {"type": "int"}})
    assert len(found) == 20


def test_values_are_in_the_report_shortened_and_in_no_message(findings_of: Find) -> None:
    found = findings_of(b"id\n" + b"\x1b[31m" + b"s" * 500 + b"\n", format="csv", columns={"id": {"type": "int"}})
    assert found[0]["value"].startswith("?[31mss")
    assert len(found[0]["value"]) == 80
    assert "sss" not in found[0]["message"]


def test_rows_are_limited(findings_of: Find) -> None:
    rules = {"format": "csv", "columns": {"id": {}}, "minimum_rows": 2, "maximum_rows": 3}
    assert places(findings_of(b"id\n1\n", **rules)) == [("minimum_rows", None, None)]
    assert findings_of(b"id\n1\n2\n3\n", **rules) == []
    assert places(findings_of(b"id\n1\n2\n3\n4\n", **rules)) == [("maximum_rows", None, None)]


def test_what_is_gzip_is_read_as_what_is_in_it(findings_of: Find) -> None:
    rules: dict[str, Any] = {"format": "csv", "columns": COLUMNS, "name": "rows.csv.gz"}
    assert findings_of(gzip.compress(GOOD), **rules) == []
    assert places(findings_of(gzip.compress(GOOD + b"x,1,a\n"), **rules)) == [("type", 4, "id")]
    assert places(findings_of(gzip.compress(GOOD)[:-3], **rules)) == [("gzip", None, None)]
    assert places(findings_of(GOOD, **rules)) == [("gzip", None, None)]


@pytest.mark.parametrize(
    ("line", "place"),
    [
        (b'{"id": 1, "size": 2, "label": "a"}', None),
        (b'{"id": 1.0, "size": 2, "label": "a"}', ("type", 1, "id")),
        (b'{"id": true, "size": 2, "label": "a"}', ("type", 1, "id")),
        (b'{"id": 1, "size": 10, "label": "a"}', ("maximum", 1, "size")),
        (b'{"id": 1, "size": NaN, "label": "a"}', ("json", 1, None)),
        (b'{"id": 1, "size": 1e999, "label": "a"}', ("json", 1, None)),
        (b'{"id": 1, "size": 2, "label": null}', ("nullable", 1, "label")),
        (b'{"id": 1, "size": 2}', ("columns", 1, "label")),
        (b'{"id": 1, "size": 2, "label": "a", "x": 1}', ("columns", 1, "x")),
        (b'{"id": 1, "id": 1, "size": 2, "label": "a"}', ("json", 1, None)),
        (b"[1]", ("json", 1, None)),
        (b"{", ("json", 1, None)),
        (b"", ("minimum_bytes", None, None)),
        (b"[" * 100_000, ("json", 1, None)),
        (b"\xef\xbb\xbf{}", ("encoding", 1, None)),
        (b'{"id": 1, "size": 2, "label": "\xff"}', ("encoding", 1, None)),
    ],
)
def test_a_bad_json_line_is_named(findings_of: Find, line: bytes, place: tuple[Any, ...] | None) -> None:
    found = findings_of(line, format="jsonl", columns=COLUMNS)
    assert places(found) == ([place] if place else [])


def test_json_lines_have_classes_and_keys(findings_of: Find) -> None:
    line = b'{"id": 1, "label": "a"}\n'
    rules = {"columns": {"id": {"type": "int"}, "label": {}}, "unique": [["id"]], "classes": {"column": "label"}}
    assert places(findings_of(line * 2, format="jsonl", **rules)) == [("unique", 2, "id"), ("classes", None, "label")]
    listed = findings_of(b'{"id": 1, "label": ["a"]}\n', format="jsonl", **rules)
    assert places(listed) == [("classes", 1, "label")]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"1 1:0.5 7:2\n0 2:1\n", None),
        (b"1 1:0.5\n1 2:1\n", ("classes", None, "label")),
        (b"1 1:0.5\n0 2:nan\n", ("finite", 2, None)),
        (b"1 1:0.5\n0 2:1 2:1\n", ("libsvm", 2, None)),
        (b"1 1:0.5\n0 3:1 2:1\n", ("libsvm", 2, None)),
        (b"1 1:0.5\n0 0:1\n", ("libsvm", 2, None)),
        (b"1 1:0.5\n0 a:1\n", ("libsvm", 2, None)),
        (b"1 1:0.5\n0 8:1\n", ("maximum_index", 2, None)),
        (b"1 1:0.5\n0 1:-1\n", ("minimum", 2, None)),
        (b"1 1:0.5\nspam 1:1\n", ("type", 2, None)),
        (b"1 1:0.5\n\n", ("type", 2, None)),
    ],
)
def test_libsvm(findings_of: Find, content: bytes, place: tuple[Any, ...] | None) -> None:
    rules = {"minimum_index": 1, "maximum_index": 7, "values": {"minimum": 0}, "classes": {}}
    found = findings_of(content, format="libsvm", **rules)
    assert places(found)[:1] == ([place] if place else [])


def test_text(findings_of: Find) -> None:
    assert findings_of("naïve\n\nlines".encode(), format="text", minimum_rows=3, maximum_rows=3) == []
    assert findings_of("naïve\n".encode("latin-1"), format="text", encoding="latin-1") == []
    assert places(findings_of("a\nnaïve\n".encode(), format="text", encoding="ascii")) == [("encoding", 2, None)]


def test_json(findings_of: Find) -> None:
    assert findings_of(b'{"a": [1, 2.5, null]}', format="json") == []
    for content in (b"{", b'{"a": 1, "a": 2}', b"[NaN]", b"[1e999]", b"[" * 100_000):
        assert places(findings_of(content, format="json")) == [("json", None, None)]
