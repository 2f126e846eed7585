"""What the supervisor does, replayed: processes that end when the test says so, and a clock that it sets."""

from __future__ import annotations

import signal

import pytest
from server.metrics.board import Board
from server.processes.supervisor import Patience, Supervisor


class Fake:
    def __init__(self, number):
        self.pid, self.signals, self.code = number, [], None

    def ended(self):
        return self.code

    def signal(self, number):
        self.signals.append(number)
        if number == signal.SIGKILL:
            self.code = -signal.SIGKILL


class History:
    def __init__(self, workers=2, *, replaceable=True):
        self.now, self.started, self.refused, self.full = 1000.0, [], 0, False
        self.board = Board(workers)
        patience = Patience(silence=70.0, drain=27.0)
        self.supervisor = Supervisor(
            self.board.rows, self._start, self._refuse, patience, lambda: self.now, replaceable=replaceable
        )

    def _start(self, index):
        if self.full:
            raise BlockingIOError("no more processes")
        self.started.append((index, process := Fake(100 + len(self.started))))
        return process

    def _refuse(self):
        self.refused += 1

    def process(self, index):
        return [process for place, process in self.started if place == index][-1]

    def beat(self):
        for row in self.board.rows:
            row.beat = self.now

    def step(self, seconds=0.0):
        self.now += seconds
        return self.supervisor.step()


@pytest.fixture
def history():
    history = History()
    history.step()
    history.beat()
    history.step()
    return history


def test_one_process_for_each_worker(history):
    assert [index for index, _ in history.started] == [0, 1]


def test_a_worker_that_died_after_a_long_life_is_replaced_at_once(history):
    history.now += 60
    history.beat()
    history.process(1).code = -11
    assert history.step() is None
    assert [index for index, _ in history.started] == [0, 1, 1]


def test_one_that_dies_again_and_again_is_replaced_after_growing_pauses(history):
    pauses = []
    for _ in range(9):
        history.process(0).code = -11
        started, died_at = len(history.started), history.now
        while history.step() is None and len(history.started) == started:
            history.step(0.01)
        pauses.append(history.now - died_at)
        history.beat()
        history.step()
    assert pauses[:4] == pytest.approx([0.1, 0.2, 0.4, 0.8], abs=0.03)
    assert pauses[-1] == pytest.approx(10, abs=0.03)
    assert history.board.rows[0].restarts == 9
    history.step(40)
    history.beat()
    history.process(0).code = 1
    history.step()
    assert history.process(0).code is None  # its long life is remembered


def test_one_that_dies_for_hours_is_still_replaced(history):
    for _ in range(1100):
        history.process(0).code = -11
        history.step()
        history.step(11)
        history.beat()
    assert history.process(0).code is None


def test_a_machine_with_no_room_for_a_process_is_asked_again_and_the_others_go_on(history):
    history.process(0).code, history.full = -9, True
    history.step()
    for _ in range(3):
        assert history.step(10) is None
        history.beat()
    assert history.process(1).signals == []
    history.full = False
    history.step(11)
    assert [index for index, _ in history.started] == [0, 1, 0]


def test_one_with_no_room_for_any_process_ends_the_server():
    history = History()
    history.full = True
    with pytest.raises(OSError, match="no more processes"):
        history.step()


def test_a_model_that_cannot_be_served_ends_the_server_at_once():
    history = History()
    history.step()
    history.process(0).code = 1
    assert history.step() is None
    assert history.process(1).signals == [signal.SIGTERM]
    assert len(history.started) == 2
    history.process(1).code = 0
    assert history.step() == 1


def test_a_worker_that_cannot_start_any_more_ends_the_server_after_some_tries(history):
    for _ in range(6):
        history.process(0).code = 1
        history.step()
        history.board.rows[1].beat = history.now
        history.step(15)
    history.process(1).code = 0
    assert history.step() == 1
    assert len([index for index, _ in history.started if index == 0]) == 6


def test_one_that_hangs_is_killed_and_replaced(history):
    history.now += 69
    history.board.rows[1].beat = history.now
    history.step()
    assert history.process(0).signals == []
    history.step(2)
    history.step()
    assert history.started[0][1].signals == [signal.SIGKILL]
    assert [index for index, _ in history.started] == [0, 1, 0]


def test_one_that_loads_for_long_is_not_taken_for_hanging():
    history = History()
    history.step()
    history.step(3600)
    assert history.process(0).signals == []


def test_sigterm_refuses_connections_and_waits_for_all(history):
    history.supervisor.queue_signal(signal.SIGTERM)
    assert history.refused == 0  # a handler only queues
    assert history.step() is None
    assert [process.signals for _, process in history.started] == [[signal.SIGTERM]] * 2
    assert history.refused == 0  # what waits in the socket is still taken
    for _ in range(4):
        history.step(0.25)
    assert history.refused == 1
    history.process(0).code = 0
    assert history.step(1) is None
    history.process(1).code = 0
    assert history.step(1) == 0
    assert len(history.started) == 2


def test_who_does_not_end_in_time_is_killed(history):
    history.supervisor.queue_signal(signal.SIGTERM)
    history.step()
    history.process(0).code = 0
    history.step(26)
    assert history.process(1).signals == [signal.SIGTERM]
    history.step(2)
    assert history.process(1).signals == [signal.SIGTERM, signal.SIGKILL]
    assert history.step() == 0


def test_other_signals_only_wake_it(history):
    history.supervisor.queue_signal(signal.SIGCHLD)
    assert history.step() is None
    assert history.refused == 0


def test_what_cannot_be_replaced_ends_the_server():
    history = History(workers=1, replaceable=False)
    history.step()
    history.beat()
    history.step(100)
    history.process(0).code = -9
    assert history.step() == 1
    assert len(history.started) == 1
