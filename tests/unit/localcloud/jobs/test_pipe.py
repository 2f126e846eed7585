"""Named pipes, read as a training script reads them."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localcloud.sagemaker.jobs.pipe import PipeFeeder
from tests.support.embedded_cloud import eventually

BIG = b"x" * 300_000  # more than a pipe holds


class Feeders:
    def __init__(self, base: Path) -> None:
        self.base, self.failures = base, []
        self.started: list[PipeFeeder] = []

    def start(self, epoch: Callable) -> PipeFeeder:
        feeder = PipeFeeder(self.base, epoch, self.failures.append)
        self.started.append(feeder)
        return feeder


@pytest.fixture
def feeders(tmp_path: Path) -> Iterator[Feeders]:
    made = Feeders(tmp_path / "data" / "train")
    before = len(os.listdir("/dev/fd"))
    yield made
    for feeder in made.started:
        feeder.close()
        assert not feeder._thread.is_alive()
    assert len(os.listdir("/dev/fd")) == before, "a descriptor was left open"


def _numbered(epoch: int):
    yield f"epoch {epoch}".encode()
    yield BIG


def _read(path: Path) -> bytes:
    eventually(path.exists)
    return path.read_bytes()


def test_every_epoch_has_its_pipe_and_the_next_is_there_when_one_ends(feeders: Feeders) -> None:
    feeders.start(_numbered)
    folder = feeders.base.parent
    for epoch in range(3):
        # Without waiting for it: the end of an epoch's data means that the next pipe exists.
        assert folder.joinpath(f"train_{epoch}").read_bytes() == f"epoch {epoch}".encode() + BIG
    eventually(lambda: os.listdir(folder) == ["train_3"])


def test_an_epoch_without_data_ends_at_once(feeders: Feeders) -> None:
    feeders.start(lambda epoch: (chunk for chunk in ()))
    assert [_read(feeders.base.with_name(f"train_{epoch}")) for epoch in range(2)] == [b"", b""]


def test_a_reader_that_leaves_early_gets_the_next_epoch(feeders: Feeders) -> None:
    closed = []

    def epoch(number: int):
        try:
            yield from _numbered(number)
        finally:
            closed.append(number)

    feeders.start(epoch)
    with feeders.base.with_name("train_0").open("rb") as file:
        assert file.read(7) == b"epoch 0"
    assert _read(feeders.base.with_name("train_1"))[:7] == b"epoch 1"
    eventually(lambda: closed == [0, 1])


def test_a_pipe_that_nobody_opens_costs_no_data_and_ends(feeders: Feeders) -> None:
    asked = []
    feeder = feeders.start(lambda epoch: asked.append(epoch))
    assert os.listdir(feeders.base.parent) == ["train_0"]
    feeder.close()
    feeders.started.remove(feeder)
    assert not feeder._thread.is_alive()
    assert asked == []
    assert feeders.failures == []


def test_a_container_that_removes_its_pipes_gets_no_data_and_holds_nothing_up(feeders: Feeders) -> None:
    feeder = feeders.start(_numbered)
    shutil.rmtree(feeders.base.parent)
    feeder._thread.join(10)
    assert not feeder._thread.is_alive()
    assert feeders.failures == []


@pytest.mark.parametrize("number", [0, 1])
def test_nothing_is_written_to_what_a_container_puts_in_a_pipes_place(
    feeders: Feeders, tmp_path: Path, number: int
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    feeder = feeders.start(_numbered)
    path = feeders.base.with_name("train_0")
    if number:
        with path.open("rb"):
            feeders.base.with_name("train_1").symlink_to(victim)
    else:
        replacement = tmp_path / "link"
        replacement.symlink_to(victim)
        replacement.replace(path)
    feeder._thread.join(10)
    assert not feeder._thread.is_alive()
    assert victim.read_text() == "untouched"


def test_a_reader_that_stops_reading_does_not_hold_the_end_up(feeders: Feeders) -> None:
    feeder = feeders.start(_numbered)
    with feeders.base.with_name("train_0").open("rb", buffering=0) as file:
        assert file.read(1) == b"e"
        feeder.close()
        feeders.started.remove(feeder)
        assert not feeder._thread.is_alive()


def test_data_that_cannot_be_read_is_reported_and_never_looks_complete(feeders: Feeders) -> None:
    def epoch(number: int):
        yield b"some"
        raise OSError("gone")

    feeder = feeders.start(epoch)
    received: list[bytes] = []
    with feeders.base.with_name("train_0").open("rb", buffering=0) as file:
        assert file.read(4) == b"some"
        eventually(lambda: feeders.failures)
        reader = threading.Thread(target=lambda: received.append(file.read(1)))
        reader.start()
        reader.join(0.2)
        assert received == [], "the pipe ended before the containers were"
        feeder.close()
        feeders.started.remove(feeder)
        reader.join(10)
    assert received == [b""]
    assert [str(error) for error in feeders.failures] == ["gone"]
