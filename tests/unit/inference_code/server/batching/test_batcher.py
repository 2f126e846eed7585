"""Which requests go to the model together, and when; by a clock and an event loop that the test turns by hand."""

from __future__ import annotations

import math
from collections import deque
from concurrent.futures import Future

import pytest
from server.batching.batcher import Batcher, Limits
from server.batching.requests import Request
from server.errors import Busy, TimedOut
from server.metrics.board import Board

SLOW, FAST = 0.1, 0.001


class Loop:
    """An event loop whose time stands still until it is told."""

    def __init__(self):
        self.now = 100.0
        self.soon, self.timers, self.threads = deque(), [], deque()

    def clock(self):
        return self.now

    def call_soon(self, function):
        self.soon.append(function)

    def call_later(self, seconds, function):
        loop = self

        class Timer:
            at = loop.now + seconds

            def cancel(self):
                loop.timers.remove(self)

            def fire(self):
                loop.timers.remove(self)
                function()

        timer = Timer()
        self.timers.append(timer)
        return timer

    def in_thread(self, function, done):
        self.threads.append((function, done))

    def turn(self):
        for _ in range(len(self.soon)):
            self.soon.popleft()()

    def finish_thread(self):
        function, done = self.threads.popleft()
        done(function())

    def pass_time(self, seconds):
        self.now += seconds
        for timer in [one for one in self.timers if one.at <= self.now + 1e-9]:
            timer.fire()
        self.turn()


class Model:
    """Answers each request with the number of requests that it saw together; but for what is bad only alone."""

    def __init__(self, loop, *, batched=True, seconds=FAST):
        self.batched, self.seconds, self.batches, self._loop = batched, seconds, [], loop

    def run(self, batch):
        self.batches.append([request.data for request in batch])
        if len(batch) == 1 or not any(request.data == ["bad"] for request in batch):
            for request in batch:
                request.outcome = len(batch)
        self._loop.now += self.seconds
        return self.seconds, 0.0


class Bench:
    def __init__(self, *, batched=True, seconds=FAST, rows=4, wait=0.0, queued=8, timeout=60.0, warm=True):
        self.loop = Loop()
        self.model = Model(self.loop, batched=batched, seconds=seconds)
        limits = Limits(rows=rows, wait=wait, queued=queued, timeout=timeout)
        self.row = Board(1).rows[0]
        self.connections = ["one", "another"]
        self.batcher = Batcher(self.model, limits, self.row, self.loop, self.loop.clock, self.connections)
        if warm:  # how long the model takes is known
            self.send([0])
            self.loop.turn()
            self.loop.pass_time(wait)
            self.loop.finish_thread()
            self.model.batches.clear()

    def send(self, data):
        request = Request(data, "application/json", self.loop.now, batched=self.batcher.batched)
        request.promise = Future()
        self.batcher.submit(request)
        return request.promise

    def settle(self):
        while self.loop.soon:
            self.loop.turn()


def test_requests_that_come_in_one_turn_go_together():
    bench = Bench()
    answers = [bench.send([number]) for number in range(3)]
    bench.settle()
    assert bench.model.batches == [[[0], [1], [2]]]
    assert [answer.result(0) for answer in answers] == [3, 3, 3]


def test_a_request_that_comes_alone_does_not_wait():
    bench = Bench()
    answer = bench.send([1])
    bench.loop.turn()
    assert answer.result(0) == 1
    assert not bench.loop.timers


def test_what_comes_while_the_model_computes_is_the_next_batch():
    bench = Bench(seconds=SLOW)
    first = bench.send([1])
    bench.settle()
    later = [bench.send([number]) for number in (2, 3)]
    bench.settle()
    assert not first.done()
    bench.loop.finish_thread()
    assert first.result(0) == 1
    bench.settle()
    bench.loop.finish_thread()
    assert [answer.result(0) for answer in later] == [2, 2]


def test_a_batch_has_no_more_rows_than_allowed_and_requests_are_not_split():
    bench = Bench(rows=4)
    for data in ([1, 2], [3, 4, 5], [6], [7] * 9, [8]):
        bench.send(data)
    bench.settle()
    assert bench.model.batches == [[[1, 2], [6], [8]], [[3, 4, 5]], [[7] * 9]]


def test_inputs_of_different_shapes_stay_apart_and_in_order():
    bench = Bench()
    for data in ([[1, 2]], [[1, 2, 3]], [[3, 4]], ["text"], [[4, 5, 6]]):
        bench.send(data)
    bench.settle()
    assert bench.model.batches == [[[[1, 2]], [[3, 4]]], [[[1, 2, 3]], [[4, 5, 6]]], [["text"]]]


def test_a_model_that_does_not_batch_gets_one_request_at_a_time():
    bench = Bench(batched=False)
    for number in range(3):
        bench.send([number])
    bench.settle()
    assert bench.model.batches == [[[0]], [[1]], [[2]]]


def test_a_limit_of_one_row_is_no_batching_at_all():
    bench = Bench(rows=1, wait=0.01)
    assert bench.batcher.free
    for number in range(2):
        bench.send([number])
    bench.settle()
    assert bench.model.batches == [[[0]], [[1]]]
    assert not bench.loop.timers


def test_with_a_wait_a_batch_goes_when_it_is_full_or_when_the_first_has_waited():
    bench = Bench(wait=0.01, rows=3)
    answers = [bench.send([number]) for number in range(2)]
    bench.settle()
    assert not bench.model.batches
    bench.loop.pass_time(0.004)
    assert not bench.model.batches
    bench.loop.pass_time(0.006)
    assert bench.model.batches == [[[0], [1]]]
    for number in range(3):
        bench.send([number])
    bench.settle()
    assert bench.model.batches[1:] == [[[0], [1], [2]]]
    assert not bench.loop.timers
    assert all(answer.done() for answer in answers)


def test_a_full_queue_refuses_and_says_when_to_come_again():
    bench = Bench(seconds=3.0, queued=2)
    bench.send([1])
    bench.settle()
    bench.send([2])
    bench.send([3])
    with pytest.raises(Busy) as refused:
        bench.send([4])
    assert refused.value.status == 503
    assert refused.value.retry_after_seconds == 6  # two requests of three seconds


def test_what_takes_too_long_is_answered_and_the_model_is_stuck():
    bench = Bench(seconds=SLOW, timeout=5.0)
    running = bench.send([1])
    bench.settle()
    bench.loop.now += 3
    waiting = bench.send([2])
    bench.batcher.expire(bench.loop.now + 1.9)
    assert not running.done()
    assert not bench.batcher.stuck(bench.loop.now + 1.9)
    bench.batcher.expire(bench.loop.now + 2.1)
    assert isinstance(running.result(0), TimedOut)
    assert bench.batcher.stuck(bench.loop.now + 2.1)
    assert not waiting.done()
    bench.batcher.expire(math.inf)
    assert isinstance(waiting.result(0), TimedOut)
    bench.loop.finish_thread()  # its late answer goes nowhere
    bench.settle()
    assert not bench.batcher.stuck(bench.loop.now)


@pytest.mark.parametrize("wait", [0.0, 10.0])
def test_a_batch_that_failed_is_repeated_in_turns_of_its_own(wait):
    """Each is answered as soon as it is done; five times what the model takes is more than the limit here."""
    bench = Bench(seconds=0.6, timeout=2.0, rows=5, wait=wait)
    answers = [bench.send([item]) for item in ("good", "bad", "good", "good", "good")]
    bench.settle()
    bench.send(["later"])
    for done in range(4):
        assert [answer.done() for answer in answers] == [number < done - 1 for number in range(5)]
        assert not bench.batcher.stuck(bench.loop.now)
        bench.loop.finish_thread()
        bench.settle()
        bench.batcher.expire(bench.loop.now)
    outcomes = [answer.result(0) for answer in answers]
    assert outcomes[:3] == [1, 1, 1]
    assert all(isinstance(outcome, TimedOut) for outcome in outcomes[3:])
    assert ["later"] not in bench.model.batches
    assert bench.row.batch_rows.sum == 1 + 3  # with the first one, which warmed it up


def in_thread(bench, seconds, requests):
    """How many of them were computed in a thread."""
    bench.model.seconds, threads = seconds, 0
    for number in range(requests):
        bench.send([number])
        bench.settle()
        if bench.loop.threads:
            threads += 1
            bench.loop.finish_thread()
    return threads


def test_what_is_long_goes_to_a_thread_and_comes_back_once_it_is_short():
    bench = Bench(seconds=FAST)
    assert in_thread(bench, FAST, 20) == 0
    assert in_thread(bench, 0.02, 1) == 0  # nobody knew
    assert in_thread(bench, FAST, 20) == 0  # once is no rule
    assert in_thread(bench, SLOW, 20) == 19
    assert 1 < in_thread(bench, FAST, 100) < 50


def test_a_model_that_takes_no_time_is_asked_at_once_and_one_worth_batching_is_not():
    trivial = Bench(seconds=1e-6)
    assert trivial.batcher.free
    assert not Bench(seconds=FAST).batcher.free
    assert Bench(seconds=FAST, batched=False).batcher.free
    assert not Bench(seconds=SLOW, batched=False).batcher.free
    assert not Bench(batched=False, warm=False).batcher.free
    trivial.send([1])
    assert not trivial.batcher.free  # it would overtake


def test_with_a_single_connection_there_is_nobody_to_wait_for():
    bench = Bench(seconds=FAST, wait=0.01)
    assert not bench.batcher.free
    bench.connections.pop()
    assert bench.batcher.free


def test_what_happened_is_counted():
    bench = Bench(seconds=FAST)
    for number in range(3):
        bench.send([number])
    bench.loop.now += 0.5
    bench.settle()
    assert sum(bench.row.batch_rows.counts) == 2  # with the first one, which warmed it up
    assert bench.row.batch_rows.sum == 4
    assert bench.row.phases["queue"].sum == pytest.approx(1.5)
    assert bench.row.phases["predict"].sum == pytest.approx(2 * FAST)
