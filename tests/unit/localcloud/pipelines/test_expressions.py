"""What expressions of a pipeline definition name, and what they are refused for."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.sagemaker.pipelines.durations import seconds
from localcloud.sagemaker.pipelines.expressions import Scope, Unresolvable, evaluate, referenced_steps
from localcloud.sagemaker.pipelines.retries import delay

PROPERTIES = {
    "Outputs": [{"OutputName": "train", "S3Output": {"S3Uri": "s3://b/train"}}, {"OutputName": "test"}],
    "Summaries": [{"Name": "first"}, {"Name": "second"}],
    "Map": {"a.b": 1},
}


def _scope() -> Scope:
    return Scope(
        parameters={"Count": 3, "Flag": True},
        execution={"PipelineName": "p"},
        properties=lambda step: PROPERTIES,
        property_file=lambda step, name: {"metrics": [{"value": 0.5}]},
        json_object=lambda uri: {"uri": uri},
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Get": "Parameters.Count"}, 3),
        ({"Get": "Execution.PipelineName"}, "p"),
        ({"Get": "Steps.S.Outputs['train'].S3Output.S3Uri"}, "s3://b/train"),
        ({"Get": "Steps.S.Summaries[1].Name"}, "second"),
        ({"Get": "Steps.S.Map['a.b']"}, 1),
        (
            {"Std:Join": {"On": "/", "Values": ["x", {"Get": "Parameters.Count"}, {"Get": "Parameters.Flag"}]}},
            "x/3/true",
        ),
        ({"Std:JsonGet": {"PropertyFile": {"Get": "Steps.S.PropertyFiles.F"}, "Path": "metrics[0].value"}}, 0.5),
        ({"Std:JsonGet": {"S3Uri": {"Std:Join": {"On": "", "Values": ["s3://b/k"]}}, "Path": "$.uri"}}, "s3://b/k"),
        ({"a": [{"Get": "Parameters.Count"}], "Get": "x"}, {"a": [3], "Get": "x"}),
    ],
)
def test_an_expression_becomes_its_value(value: Any, expected: Any) -> None:
    assert evaluate(value, _scope()) == expected


@pytest.mark.parametrize(
    "path",
    ["Parameters.None", "Steps.S.Outputs['none']", "Steps.S.Summaries[2]", "Steps.S.Map[", "Count", "Steps.S.No.X"],
)
def test_what_is_not_there_is_named(path: str) -> None:
    with pytest.raises(Unresolvable) as refused:
        evaluate({"Get": path}, _scope())
    assert path in str(refused.value)


def test_steps_are_found_wherever_they_are_referenced() -> None:
    nested = {
        "a": [{"Std:Join": {"On": "", "Values": [{"Get": "Steps.One.X"}]}}],
        "b": {"Get": "Steps.Two.P['Steps.No']"},
    }
    assert referenced_steps(nested) == {"One", "Two"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("P30D", 2592000), ("30d", 2592000), ("P4DT12H", 388800), ("T12H", 43200), (None, float("inf"))],
)
def test_durations_are_read_as_the_sdk_documents_them(text: str | None, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "P", "12", "a day"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no ISO 8601 duration"):
        seconds(text)


def test_attempts_are_spaced_and_limited_by_the_first_policy_that_names_the_error() -> None:
    policy = {"ExceptionType": ["Step.THROTTLING"], "IntervalSeconds": 2, "BackoffRate": 3.0, "MaxAttempts": 2}
    assert delay([policy], "Step.THROTTLING", 1, 0) == 2
    assert delay([policy], "Step.THROTTLING", 2, 0) == 6
    assert delay([policy], "Step.THROTTLING", 3, 0) is None
    assert delay([policy], "SageMaker.CAPACITY_ERROR", 1, 0) is None
    assert delay([], "Step.SERVICE_FAULT", 1, 0) == 1
    late = {"ExceptionType": ["Step.THROTTLING"], "ExpireAfterMin": 1}
    assert delay([late], "Step.THROTTLING", 5, 61) is None
