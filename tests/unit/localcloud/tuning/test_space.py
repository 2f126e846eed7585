"""Hyperparameter ranges and their scales."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.sagemaker.tuning.autotune import read_auto_parameters
from localcloud.sagemaker.tuning.space import NumericRange, read_space


def numeric(low: str, high: str, scaling: str = "Auto", kind: str = "Continuous") -> NumericRange:
    entry = {"Name": "x", "MinValue": low, "MaxValue": high, "ScalingType": scaling}
    (part,) = read_space({f"{kind}ParameterRanges": [entry]})
    assert isinstance(part, NumericRange)
    return part


@pytest.mark.parametrize(
    ("low", "high", "scaling", "middle"),
    [
        ("0", "10", "Linear", 5.0),
        ("0.01", "100", "Logarithmic", 1.0),
        ("0.0", "0.99", "ReverseLogarithmic", 0.9),
        ("0.001", "1", "Auto", 0.0316),
        ("1", "100", "Auto", 50.5),
    ],
)
def test_the_middle_of_a_scale(low: str, high: str, scaling: str, middle: float) -> None:
    part = numeric(low, high, scaling)
    assert float(part.value(sum(part.points) / 2)) == pytest.approx(middle, rel=0.01)


@given(fraction=st.floats(0, 1), scaling=st.sampled_from(["Linear", "Logarithmic"]))
def test_every_point_of_an_integer_range_is_an_integer_in_it(fraction: float, scaling: str) -> None:
    part = numeric("1", "7", scaling, "Integer")
    low, high = part.points
    text = part.value(low + fraction * (high - low))
    assert text in [str(number) for number in range(1, 8)]
    assert part.value(part.point(text)) == text


def test_a_value_out_of_the_range_has_no_point() -> None:
    part = numeric("0", "1")
    assert (part.point("1.5"), part.point("many"), part.point("0.5")) == (None, None, 0.5)


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({"ContinuousParameterRanges": [{"Name": "x", "MinValue": "2", "MaxValue": "1"}]}, "MinValue 2 .* MaxValue 1"),
        ({"ContinuousParameterRanges": [{"Name": "x", "MinValue": "low", "MaxValue": "1"}]}, "'low' .* not a number"),
        ({"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "inf"}]}, "'inf' .* not a number"),
        ({"IntegerParameterRanges": [{"Name": "x", "MinValue": "1.5", "MaxValue": "3"}]}, "'1.5' .* not an integer"),
        (
            {
                "ContinuousParameterRanges": [
                    {"Name": "x", "MinValue": "0", "MaxValue": "1", "ScalingType": "Logarithmic"}
                ]
            },
            "greater than 0; its MinValue is 0",
        ),
        (
            {
                "ContinuousParameterRanges": [
                    {"Name": "x", "MinValue": "0", "MaxValue": "1", "ScalingType": "ReverseLogarithmic"}
                ]
            },
            "0 <= x < 1; its range is 0 to 1",
        ),
        ({"CategoricalParameterRanges": [{"Name": "x", "Values": ["a", "a"]}]}, "not unique"),
    ],
)
def test_ranges_without_sense_are_refused(ranges: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_space(ranges)


@pytest.mark.parametrize(("hint", "low", "high"), [("64", 6, 640), ("0.1", 0.01, 1), ("0", -1, 1), ("-0.5", -1, 0)])
def test_autotune_searches_around_the_hint(hint: str, low: float, high: float) -> None:
    (part,) = read_auto_parameters({"AutoParameters": [{"Name": "x", "ValueHint": hint}]})
    assert [float(part.value(point)) for point in part.points] == pytest.approx([low, high])


@pytest.mark.parametrize("hint", ["adam", "nan"])
def test_autotune_leaves_what_is_no_number_alone(hint: str) -> None:
    (part,) = read_auto_parameters({"AutoParameters": [{"Name": "x", "ValueHint": hint}]})
    assert part.values == (hint,)
