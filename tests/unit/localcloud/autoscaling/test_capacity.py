"""Arithmetic of the policies."""

import pytest

from localcloud.autoscaling.alarms import breach
from localcloud.autoscaling.capacity import Wish, choose, step, track


@pytest.mark.parametrize(
    ("current", "value", "target", "expected"),
    [(1, 35, 10, 4), (4, 4, 10, 2), (3, 10, 10, 3), (0, 1, 5, 0), (0, 6, 5, 1)],
)
def test_tracking(current: int, value: float, target: float, expected: int) -> None:
    assert track(current, value, target) == expected


def test_steps_take_the_interval_that_the_breach_lies_in() -> None:
    steps = [
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10, "ScalingAdjustment": 10},
        {"MetricIntervalLowerBound": 10, "ScalingAdjustment": 30},
    ]
    percent = {"AdjustmentType": "PercentChangeInCapacity", "StepAdjustments": steps}
    assert step(10, 5, percent) == 11
    assert step(10, 10, percent) == 13
    assert step(4, 5, percent) == 5  # less than one instance is one
    assert step(10, 5, {**percent, "MinAdjustmentMagnitude": 3}) == 13
    down = [{"MetricIntervalUpperBound": 0, "ScalingAdjustment": -3}]
    assert step(2, -1, {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": down}) == 0
    assert step(2, 1, {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": down}) == 2
    assert step(2, 5, {"AdjustmentType": "ExactCapacity", "StepAdjustments": steps}) == 10


def _wish(capacity: int) -> Wish:
    return Wish(capacity=capacity, policy_name=str(capacity), alarm_name="a")


def test_of_several_policies_the_most_careful_wins() -> None:
    assert choose(3, [_wish(5), _wish(4), _wish(1)]).capacity == 5
    assert choose(3, [_wish(1), _wish(2)]).capacity == 2
    assert choose(3, [_wish(1), None]) is None
    assert choose(3, []) is None


def test_an_alarm_needs_its_datapoints() -> None:
    alarm = {"ComparisonOperator": "GreaterThanThreshold", "Threshold": 1, "Period": 60, "EvaluationPeriods": 3}
    assert breach(alarm, {0: 2, 60: 2}, 185) is None
    assert breach(alarm, {0: 2, 60: 2, 120: 4}, 185) == 4
    assert breach(alarm, {0: 2, 60: 2, 120: 4}, 245) is None  # one of them is too old
    assert breach({**alarm, "TreatMissingData": "breaching"}, {0: 2, 60: 4}, 185) == 4
    assert breach({**alarm, "DatapointsToAlarm": 2}, {0: 2, 60: 0, 120: 4}, 185) == 4
