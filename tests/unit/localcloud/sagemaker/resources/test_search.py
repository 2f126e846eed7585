"""Search over boto3."""

from __future__ import annotations

from typing import Any

import pytest

from ..conftest import ControlPlane, error_of

SIZES = {"c1": 16, "c2": 64, "c3": 256}


@pytest.fixture
def client(plane: ControlPlane) -> Any:
    for name, size in SIZES.items():
        plane.client.create_trial_component(
            TrialComponentName=name,
            Parameters={"hidden": {"NumberValue": size}},
            Tags=[{"Key": "team", "Value": "vision" if size > 16 else "text"}],
        )
    return plane.client


def _found(client: Any, expression: dict[str, Any], **more: Any) -> list[str]:
    arguments = {"Resource": "ExperimentTrialComponent", "SortBy": "TrialComponentName", "SortOrder": "Ascending"}
    pages = client.get_paginator("search").paginate(**arguments, SearchExpression=expression, **more)
    return [hit["TrialComponent"]["TrialComponentName"] for page in pages for hit in page["Results"]]


def _filter(name: str, operator: str, value: str | None = None) -> dict[str, str]:
    return {"Name": name, "Operator": operator} | ({"Value": value} if value is not None else {})


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        (_filter("TrialComponentName", "Equals", "c2"), ["c2"]),
        (_filter("TrialComponentName", "NotEquals", "c2"), ["c1", "c3"]),
        (_filter("TrialComponentName", "In", "c1, c3"), ["c1", "c3"]),
        (_filter("TrialComponentName", "Contains", "c"), ["c1", "c2", "c3"]),
        (_filter("Parameters.hidden.NumberValue", "GreaterThan", "16"), ["c2", "c3"]),
        (_filter("Parameters.hidden.NumberValue", "GreaterThanOrEqualTo", "64"), ["c2", "c3"]),
        (_filter("Parameters.hidden.NumberValue", "LessThan", "64"), ["c1"]),
        (_filter("Parameters.hidden.NumberValue", "LessThanOrEqualTo", "64.0"), ["c1", "c2"]),
        (_filter("Tags.team", "Equals", "vision"), ["c2", "c3"]),
        (_filter("Parameters.rate", "Exists"), []),
        (_filter("Parameters.rate", "NotExists"), ["c1", "c2", "c3"]),
    ],
)
def test_an_operator_selects_what_it_says(client: Any, chosen: dict[str, str], found: list[str]) -> None:
    assert _found(client, {"Filters": [chosen]}) == found


def test_filters_and_sub_expressions_are_joined_by_the_operator(client: Any) -> None:
    small, named = (
        _filter("Parameters.hidden.NumberValue", "LessThan", "64"),
        _filter("TrialComponentName", "Equals", "c3"),
    )
    assert _found(client, {"Filters": [small, named]}) == []
    assert _found(client, {"Filters": [small, named], "Operator": "Or"}) == ["c1", "c3"]
    assert _found(client, {"SubExpressions": [{"Filters": [small]}, {"Filters": [named]}], "Operator": "Or"}) == [
        "c1",
        "c3",
    ]


def test_pages_hold_everything_once_and_tell_the_total(client: Any) -> None:
    assert _found(client, {}, PaginationConfig={"PageSize": 2}) == list(SIZES)
    answer = client.search(Resource="ExperimentTrialComponent", MaxResults=1)
    assert answer["TotalHits"] == {"Value": 3, "Relation": "EqualTo"}


def test_a_kind_without_search_and_a_filter_without_value_are_refused(client: Any) -> None:
    code, message = error_of(client.search, Resource="FeatureGroup")
    assert (code, "FeatureGroup" in message) == ("ValidationException", True)
    expression = {"Filters": [_filter("TrialComponentName", "Equals")]}
    code, message = error_of(client.search, Resource="ExperimentTrialComponent", SearchExpression=expression)
    assert (code, "TrialComponentName" in message) == ("ValidationException", True)
