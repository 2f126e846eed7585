"""When a training job is stopped early."""

from __future__ import annotations

import pytest

from localcloud.sagemaker.tuning.stopping import Hyperband, below_median


@pytest.mark.parametrize(
    ("current", "previous", "stopped"),
    [
        ([], [[1.0]], False),
        ([9.0], [], False),
        ([9.0], [[]], False),
        ([1.1], [[1.0]], True),
        ([1.0], [[1.0]], False),
        # Running averages up to epoch 2: 3, 2, 1; their median is 2.
        ([9.0, 2.1], [[4.0, 2.0, 0.0], [3.0, 1.0], [1.0, 1.0]], True),
        ([9.0, 1.9], [[4.0, 2.0, 0.0], [3.0, 1.0], [1.0, 1.0]], False),
        # Only one of the two has come as far.
        ([0.0, 0.0, 0.5], [[9.0, 9.0], [0.2, 0.2, 0.2]], True),
    ],
)
def test_the_median_rule(current: list[float], previous: list[list[float]], stopped: bool) -> None:
    assert below_median(current, previous, maximize=False) is stopped
    mirrored = [[-value for value in series] for series in previous]
    assert below_median([-value for value in current], mirrored, maximize=True) is stopped


def test_hyperband_ends_a_training_job_at_the_maximum() -> None:
    rule = Hyperband(minimum=2, maximum=4)
    assert not rule.stops(0, [[1.0, 1.0, 1.0]], maximize=True)
    assert rule.stops(0, [[1.0, 1.0, 1.0, 1.0]], maximize=True)


def test_hyperband_keeps_the_best_third_at_a_rung() -> None:
    rule = Hyperband(minimum=2, maximum=5)  # one bracket, one rung at 2
    series = [[0.0, float(score)] for score in range(6)]
    stopped = [rule.stops(index, series, maximize=True) for index in range(6)]
    assert stopped == [True, True, True, True, False, False]
    assert not rule.stops(0, [[0.0], *series[1:]], maximize=True)  # has not come to the rung


def test_hyperbands_later_brackets_decide_later() -> None:
    rule = Hyperband(minimum=1, maximum=9)  # three brackets: rungs 1 and 3; 3; none
    best, worst = [1.0, 1.0], [0.0, 0.0]
    series = [worst, worst, worst, best, best, best]
    assert [rule.stops(index, series, maximize=True) for index in range(3)] == [True, False, False]
