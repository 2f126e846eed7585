"""What uv found is kept, until there are other interpreters."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from localcloud.images import interpreters, uv


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    return folder


@pytest.fixture
def asked(programs: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The versions that uv was asked for; it finds what lies in `programs`."""
    versions: list[str] = []

    def find(version: str) -> Path | None:
        versions.append(version)
        path = programs / f"python{version}"
        return path if path.exists() else None

    monkeypatch.setattr(uv, "find_python", find)
    return versions


def found(version: str) -> Path | None:
    """As another process finds it."""
    interpreters._found.cache_clear()
    return interpreters._found(version)


def test_uv_is_asked_once_for_each_version(asked: list[str], programs: Path) -> None:
    (programs / "python3.9").touch()
    assert [found("3.9"), found("3.9"), found("3.8"), found("3.8")] == [programs / "python3.9"] * 2 + [None] * 2
    assert asked == ["3.9", "3.8"]


def test_uv_is_asked_again_when_an_interpreter_has_come_or_gone(asked: list[str], programs: Path) -> None:
    assert found("3.9") is None
    (programs / "python3.9").touch()
    assert found("3.9") == programs / "python3.9"
    (programs / "python3.9").unlink()
    assert found("3.9") is None
    assert asked == ["3.9"] * 2  # these were there before


def test_programs_that_see_other_interpreters_do_not_make_each_other_ask(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: Path
) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "python3.10").touch()
    for path in [str(programs), f"{tmp_path / 'more'}:{programs}"] * 2:
        monkeypatch.setenv("PATH", path)
        found("3.9")
    assert asked == ["3.9"] * 2


def test_old_sets_of_interpreters_are_given_up(asked: list[str], programs: Path) -> None:
    for number in range(interpreters._SETS + 1):
        (programs / f"python{number}").touch()
        found("3.9")
    assert len(json.loads(_kept().read_text())) == interpreters._SETS


def test_a_folder_with_other_programs_before_it_changes_nothing(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: Path
) -> None:
    found("3.9")
    (tmp_path / "shims").mkdir()
    (tmp_path / "shims" / "docker").touch()
    monkeypatch.setenv("PATH", f"{tmp_path / 'shims'}:{programs}:{tmp_path / 'nowhere'}")
    assert found("3.9") is None
    assert asked == ["3.9"]


def test_what_uv_installed_counts_too(asked: list[str], tmp_path: Path) -> None:
    found("3.9")
    (tmp_path / "uv" / "cpython-3.9").mkdir(parents=True)
    found("3.9")
    assert asked == ["3.9", "3.9"]


def test_uv_is_asked_again_when_a_link_leads_nowhere_any_more(asked: list[str], programs: Path, tmp_path: Path) -> None:
    (tmp_path / "cpython").touch()
    (programs / "python3.9").symlink_to(tmp_path / "cpython")
    assert found("3.9") == programs / "python3.9"
    (tmp_path / "cpython").unlink()
    assert found("3.9") is None
    assert asked == ["3.9"] * 2


@pytest.mark.parametrize("text", ["", "[", '{"there": "'])
def test_what_was_cut_short_is_written_anew(asked: list[str], text: str) -> None:
    found("3.8")
    _kept().write_text(text)
    assert [found("3.8"), found("3.8")] == [None, None]
    assert asked == ["3.8"] * 2


def test_nothing_fails_where_nothing_can_be_kept(asked: list[str], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert found("3.8") is None


def test_threads_do_not_take_each_others_files_away(asked: list[str], caplog: pytest.LogCaptureFixture) -> None:
    begin = threading.Barrier(8)

    def write() -> None:
        for _ in range(20):
            begin.wait()
            interpreters._write(_kept(), "there", {"3.8": None})

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not caplog.records
    assert list(_kept().parent.iterdir()) == [_kept()]


def _kept() -> Path:
    return interpreters.environments.default_root() / interpreters._KEPT
