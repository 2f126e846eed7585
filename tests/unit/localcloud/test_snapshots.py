import threading

import pytest

from localcloud.snapshots import Snapshots


def test_the_newest_generation_is_read_back(tmp_path):
    contents = iter([b"one", b"two", b"three"])
    snapshots = Snapshots(tmp_path, lambda: next(contents))
    assert snapshots.newest() is None
    for _ in range(3):
        snapshots.take()
    assert snapshots.newest() == ("generation-00000003", b"three")


def test_what_did_not_change_is_not_saved_again(tmp_path):
    snapshots = Snapshots(tmp_path, lambda: b"same")
    snapshots.take()
    snapshots.take()
    assert [path.name for path in tmp_path.iterdir()] == ["generation-00000001.json"]


def test_old_generations_are_removed_and_numbers_go_on_after_a_restart(tmp_path):
    for content in (b"a", b"b", b"c"):
        Snapshots(tmp_path, lambda content=content: content).take()
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["generation-00000002", "generation-00000003"]


def test_an_unfinished_file_is_no_generation(tmp_path):
    Snapshots(tmp_path, lambda: b"whole").take()
    (tmp_path / "generation-00000002.tmp").write_bytes(b"ha")
    assert Snapshots(tmp_path, lambda: b"").newest() == ("generation-00000001", b"whole")


def test_a_change_is_saved_in_the_background_and_stop_saves_the_rest(tmp_path):
    state, saved = [b"first"], threading.Event()

    def capture() -> bytes:
        saved.set()
        return state[0]

    snapshots = Snapshots(tmp_path, capture)
    snapshots.start()
    snapshots.changed()
    assert saved.wait(10)
    state[0] = b"last"
    snapshots.stop()
    assert snapshots.newest()[1] == b"last"


def test_a_failing_capture_is_tried_again_at_the_next_change(tmp_path, caplog):
    attempts = threading.Semaphore(0)
    failing = [True]

    def capture() -> bytes:
        attempts.release()
        if failing[0]:
            raise RuntimeError("changed during iteration")
        return b"good"

    snapshots = Snapshots(tmp_path, capture)
    snapshots.start()
    snapshots.changed()
    assert attempts.acquire(timeout=10)
    failing[0] = False
    snapshots.changed()
    assert attempts.acquire(timeout=10)
    snapshots.stop()
    assert snapshots.newest()[1] == b"good"
    assert "could not be saved" in caplog.text


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("localcloud.snapshots._QUIET_SECONDS", 0.01)
