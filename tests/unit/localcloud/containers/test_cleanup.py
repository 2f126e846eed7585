"""Folders that a container has left are removed whole, whoever removes them."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localcloud.containers.cleanup import remove_folder

NOBODY = 65534


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that another user finds and may write to, as the folders of pytest are not."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)  # noqa: S103  (it is of this test alone)
        yield Path(folder)


def _as_user(act: Callable[[], None]) -> int:
    """The exit code of a process that acts without root's permissions."""
    pid = os.fork()
    if pid == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(NOBODY, NOBODY, NOBODY)
                os.setresuid(NOBODY, NOBODY, NOBODY)
            act()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_what_nobody_may_enter_is_removed_by_its_owner(place: Path) -> None:
    def act() -> None:
        for name in ("work/work", "model/closed/deep"):
            (place / "left" / name).mkdir(parents=True)
        (place / "left/model/closed/deep/file").write_text("content")
        (place / "left/model/link").symlink_to("/etc")
        for name in ("model/closed/deep", "model/closed", "work/work"):
            (place / "left" / name).chmod(0)
        remove_folder(place / "left")

    assert _as_user(act) == 0
    assert list(place.iterdir()) == []


def test_what_belongs_to_somebody_else_is_told(place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a folder of somebody else's")
    (place / "left/closed").mkdir(parents=True)
    (place / "left/closed/file").write_text("content")

    def act() -> None:
        with pytest.raises(PermissionError):
            remove_folder(place / "left")

    assert _as_user(act) == 0
    assert (place / "left/closed/file").exists()


def test_a_folder_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    remove_folder(tmp_path / "absent")
