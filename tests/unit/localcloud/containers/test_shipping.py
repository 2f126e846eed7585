"""What is put is delivered: in order, in batches, all of it at the end."""

import threading

from localcloud.containers.log_stream import batches
from localcloud.containers.shipping import Shipper


def test_close_returns_when_everything_was_delivered_in_order() -> None:
    delivered: list[int] = []
    shipper: Shipper[int] = Shipper(delivered.extend, name="test", interval_seconds=0.01)
    for number in range(25_000):
        shipper.put(number)
    shipper.close()
    assert delivered == list(range(25_000))


def test_what_comes_during_a_delivery_goes_together() -> None:
    started, go_on = threading.Event(), threading.Event()
    sizes: list[int] = []

    def deliver(items: list[int]) -> None:
        sizes.append(len(items))
        started.set()
        go_on.wait(30)

    shipper: Shipper[int] = Shipper(deliver, name="test", interval_seconds=3600)
    shipper.put(0)
    assert started.wait(30)
    for number in range(99):
        shipper.put(number)
    go_on.set()
    shipper.close()
    assert sizes == [1, 99]


def test_a_failed_delivery_does_not_stop_the_next_one() -> None:
    delivered: list[list[int]] = []
    failed = threading.Event()

    def deliver(items: list[int]) -> None:
        if not failed.is_set():
            failed.set()
            raise OSError("the service is away")
        delivered.append(items)

    shipper: Shipper[int] = Shipper(deliver, name="test", interval_seconds=0.01)
    shipper.put(1)
    assert failed.wait(30)
    shipper.put(2)
    shipper.close()
    assert delivered == [[2]]


def test_batches_keep_to_the_limits_of_put_log_events() -> None:
    events = [{"timestamp": 0, "message": "x" * 99_974} for _ in range(25)]
    assert [len(batch) for batch in batches(events)] == [10, 10, 5]
    small = [{"timestamp": number, "message": "x"} for number in range(10_001)]
    assert [len(batch) for batch in batches(small)] == [10_000, 1]
    assert [event for batch in batches(small) for event in batch] == small
