"""The JSONPath operators of DataProcessing, by the examples of its documentation."""

from typing import Any

import pytest

from localcloud.sagemaker.transform.jsonpath import JsonPath, PathMismatch, PathSyntaxError

ROW = ["id", "1", "2", "3", "4", "5", "score"]
DOCUMENT = {"id": 7, "features": [1, 2, 3], "nested": {"a": {"b": 1}, "c": 2}, "SageMakerOutput": {"score": 0.5}}


@pytest.mark.parametrize(
    ("path", "selected"),
    [
        ("$", DOCUMENT),
        ("$.features", [1, 2, 3]),
        ("$['features']", [1, 2, 3]),
        ('$["features"][-1]', 3),
        ("$.nested.a.b", 1),
        ("$.nested.['a','c']", {"a": {"b": 1}, "c": 2}),
        ("$['id', 'SageMakerOutput']", {"id": 7, "SageMakerOutput": {"score": 0.5}}),
        ("$.SageMakerOutput.score", 0.5),
        ("$.nested.*", [{"b": 1}, 2]),
        ("$.features[*]", [1, 2, 3]),
    ],
)
def test_selections_from_an_object(path: str, selected: Any) -> None:
    assert JsonPath.parse(path).select(DOCUMENT) == selected


@pytest.mark.parametrize(
    ("path", "selected"),
    [
        ("$", ROW),
        ("$[1:]", ROW[1:]),
        ("$[:-1]", ROW[:-1]),
        ("$[0,-1]", ["id", "score"]),
        ("$[0,5:]", ["id", "5", "score"]),
        ("$[2]", "2"),
        ("$[-2:]", ["5", "score"]),
        ("$[ 0 , 2 : 4 ]", ["id", "2", "3"]),
    ],
)
def test_selections_from_a_row(path: str, selected: Any) -> None:
    assert JsonPath.parse(path).select(ROW) == selected


@pytest.mark.parametrize(
    "path", ["", "features", "$features", "$[", "$[a]", "$['a'", "$..a", "$[?(@.a)]", "$['a',1]", "$[]"]
)
def test_expressions_of_other_kinds_are_refused(path: str) -> None:
    with pytest.raises(PathSyntaxError):
        JsonPath.parse(path)


@pytest.mark.parametrize(
    ("path", "document"), [("$[7]", ROW), ("$[0,9]", ROW), ("$.missing", DOCUMENT), ("$.id[0]", DOCUMENT), ("$.a", ROW)]
)
def test_a_record_that_has_it_not_is_an_error(path: str, document: Any) -> None:
    with pytest.raises(PathMismatch):
        JsonPath.parse(path).select(document)
