"""A share of the calls is refused, for a while."""

from __future__ import annotations

import json

import pytest

from localcloud.sagemaker.throttling import Throttling

DONE = (200, {}, b"{}")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("share", "refused"), [(0.0, 0), (0.3, 30), (0.5, 50), (1.0, 100)])
def test_the_share_of_the_calls_is_refused_and_evenly(share: float, refused: int) -> None:
    throttling = Throttling(clock=Clock())
    handle = throttling.around(lambda *_: DONE)
    throttling.begin(share, 60)
    answers = [handle("DescribeModel", b"{}", None)[0] for _ in range(100)]
    assert answers.count(400) == refused
    assert all(answers[start : start + 10].count(400) == refused / 10 for start in range(0, 100, 10))


def test_a_refusal_is_the_one_that_sdks_know() -> None:
    throttling = Throttling(clock=Clock())
    throttling.begin(1.0, 60)
    status, _, body = throttling.around(lambda *_: DONE)("DescribeModel", b"{}", None)
    assert (status, json.loads(body)) == (400, {"__type": "ThrottlingException", "message": "Rate exceeded"})


def test_it_ends_by_itself() -> None:
    clock = Clock()
    throttling = Throttling(clock=clock)
    throttling.begin(1.0, 60)
    clock.now += 60
    assert throttling.around(lambda *_: DONE)("DescribeModel", b"{}", None) == DONE
