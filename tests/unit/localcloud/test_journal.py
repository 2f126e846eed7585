import asyncio
import errno
import json

import pytest

from localcloud.journal import Damaged, Folder, Journal
from localcloud.journal import journal as module


class Recorded:
    """A recorder of one dictionary, and what the disk holds of it."""

    def __init__(self, folder):
        self.folder = folder
        self.state = {}
        self.known = {}

    def changes(self, parts):
        looked_at = {name: value for name, value in self.state.items() if parts is None or name in parts}
        found = [["set", [name], value] for name, value in looked_at.items() if self.known.get(name) != value]
        self.known |= looked_at
        return json.dumps(found).encode() if found else None

    def snapshot(self):
        return json.dumps(self.known).encode()

    def durable(self):
        """What a process that starts now would find."""
        return Folder(self.folder).load().tree


@pytest.fixture
def recorded(tmp_path):
    return Recorded(tmp_path / "state")


def running(recorded, scenario):
    async def run():
        journal = Journal(Folder(recorded.folder), recorded)
        await journal.start()
        await scenario(journal)
        await journal.stop()

    asyncio.run(run())


def files(recorded, pattern):
    return sorted(recorded.folder.glob(pattern))


def test_only_the_parts_that_are_waited_for_are_looked_at_and_the_end_looks_at_all(recorded, monkeypatch):
    monkeypatch.setattr(module, "_TICK_SECONDS", 600.0)  # the clock looks at all of them, too

    async def scenario(journal):
        recorded.state |= {"waited for": 1, "by another": 2, "by nobody": 3}
        await asyncio.gather(journal.commit(frozenset({"waited for"})), journal.commit(frozenset({"by another"})))
        assert recorded.durable() == {"waited for": 1, "by another": 2}
        recorded.state |= {"waited for": 4, "by another": 5}
        await journal.commit(frozenset({"waited for"}))
        assert recorded.durable() == {"waited for": 4, "by another": 2}
        await asyncio.gather(journal.commit(frozenset({"waited for"})), journal.commit())
        assert recorded.durable() == recorded.state
        recorded.state["by nobody"] = 6

    running(recorded, scenario)
    assert recorded.durable() == recorded.state


def test_what_was_committed_is_on_the_disk_before_commit_returns(recorded):
    async def scenario(journal):
        for number in range(5):
            recorded.state[f"k{number}"] = number
            await journal.commit()
            assert recorded.durable() == recorded.state

    running(recorded, scenario)


def test_those_who_wait_together_share_one_record(recorded):
    async def scenario(journal):
        async def write(number):
            recorded.state[f"k{number}"] = number
            await journal.commit()
            assert recorded.durable()[f"k{number}"] == number

        await asyncio.gather(*(write(number) for number in range(50)))
        assert len(files(recorded, "journal-*.log")[-1].read_bytes().splitlines()) <= 2

    running(recorded, scenario)


def test_nothing_is_written_when_nothing_changed(recorded):
    async def scenario(journal):
        recorded.state["a"] = 1
        await journal.commit()
        size = files(recorded, "journal-*.log")[-1].stat().st_size
        await journal.commit()
        assert files(recorded, "journal-*.log")[-1].stat().st_size == size

    running(recorded, scenario)


def test_another_thread_waits_for_its_change(recorded):
    async def scenario(journal):
        recorded.state["a"] = 1
        await asyncio.to_thread(journal.commit_from_thread)
        assert recorded.durable() == {"a": 1}

    running(recorded, scenario)


def test_a_long_journal_makes_room_for_a_generation(recorded, monkeypatch):
    monkeypatch.setattr(module, "_SMALLEST_FULL_JOURNAL", 100)

    async def scenario(journal):
        for number in range(100):
            recorded.state[f"k{number % 3}"] = number
            await journal.commit()

    running(recorded, scenario)
    assert recorded.durable() == recorded.state
    assert len(files(recorded, "*")) == 4  # two generations with their journals


def test_a_record_without_an_end_is_no_record(recorded):
    async def scenario(journal):
        for number in range(3):
            recorded.state["n"] = number
            await journal.commit()

    running(recorded, scenario)
    journal = files(recorded, "journal-*.log")[-1]
    content = journal.read_bytes()
    for length in range(len(content) + 1):
        journal.write_bytes(content[:length])
        loaded = Folder(recorded.folder).load()
        assert loaded.remarks == []
        assert loaded.tree == ({} if content[:length].count(b"\n") == 0 else {"n": content[:length].count(b"\n") - 1})


@pytest.mark.parametrize("damage", [b"", b"{}", b"not json"])
def test_a_damaged_generation_costs_nothing_and_is_said(recorded, damage):
    async def scenario(journal):
        recorded.state["a"] = 1
        await journal.commit()

    running(recorded, scenario)
    newest = files(recorded, "generation-*.json")[-1]
    newest.write_bytes(damage)
    loaded = Folder(recorded.folder).load()
    assert loaded.tree == {"a": 1}
    assert newest.stem in loaded.remarks[0]


def test_a_damaged_record_ends_what_can_be_restored_and_is_said(recorded):
    async def scenario(journal):
        for number in range(3):
            recorded.state["n"] = number
            await journal.commit()

    running(recorded, scenario)
    journal = files(recorded, "journal-*.log")[-1]
    journal.write_bytes(journal.read_bytes().replace(b'["n"], 1]', b'["n"], 7]'))
    loaded = Folder(recorded.folder).load()
    assert loaded.tree == {"n": 0}
    assert "record 2 of 3" in loaded.remarks[0]


def test_without_any_good_generation_there_is_nothing(recorded):
    running(recorded, lambda journal: asyncio.sleep(0))
    for generation in files(recorded, "generation-*.json"):
        generation.write_text("damaged")
    with pytest.raises(Damaged, match="generation-00000002 is damaged"):
        Folder(recorded.folder).load()


def test_a_refused_write_is_written_by_the_next_commit(recorded, monkeypatch):
    async def scenario(journal):
        def refuse(_descriptor):
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as full:
            full.setattr(module.os, "fsync", refuse)
            recorded.state["a"] = 1
            with pytest.raises(OSError, match="No space"):
                await journal.commit()
            assert recorded.durable() == {}
        recorded.state["b"] = 2
        await journal.commit()
        assert recorded.durable() == {"a": 1, "b": 2}

    running(recorded, scenario)
