"""model.tar.gz holds every host's files, in one order, and nothing else."""

import os
import tarfile
from pathlib import Path

from localcloud.sagemaker.jobs.archive import pack


def _folder(path: Path, **files: str) -> Path:
    for name, text in files.items():
        target = path / name.replace("__", "/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        os.utime(target, (1_000_000.5, 1_000_000.5))
    path.mkdir(exist_ok=True)
    return path


def _read(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    first = _folder(tmp_path / "1", b="2", a="1", deep__c="3")
    second = _folder(tmp_path / "2", deep__c="3", a="1", b="2")
    assert pack([first], tmp_path / "x.tar.gz") == pack([second], tmp_path / "y.tar.gz") == 3
    assert (tmp_path / "x.tar.gz").read_bytes() == (tmp_path / "y.tar.gz").read_bytes()
    assert list(_read(tmp_path / "x.tar.gz")) == ["a", "b", "deep/c"]


def test_hosts_are_merged_and_the_first_one_wins(tmp_path: Path) -> None:
    hosts = [_folder(tmp_path / "1", model="one"), _folder(tmp_path / "2", model="two", extra="2")]
    pack(hosts, tmp_path / "x.tar.gz")
    assert _read(tmp_path / "x.tar.gz") == {"extra": b"2", "model": b"one"}


def test_links_are_not_followed_out_of_the_folder_and_hard_links_are_whole_files(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "1", model="weights")
    (folder / "secret").symlink_to("/etc/hostname")
    os.link(folder / "model", folder / "same")
    pack([folder], tmp_path / "x.tar.gz")
    assert _read(tmp_path / "x.tar.gz") == {"model": b"weights", "same": b"weights"}


def test_nothing_makes_an_empty_archive(tmp_path: Path) -> None:
    assert pack([tmp_path / "absent"], tmp_path / "x.tar.gz") == 0
    assert _read(tmp_path / "x.tar.gz") == {}
