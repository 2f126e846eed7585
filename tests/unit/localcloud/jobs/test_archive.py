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


def test_what_hardly_compresses_is_stored_and_the_rest_is_compressed(tmp_path: Path) -> None:
    weights, text = os.urandom(1 << 20), b"a line of a log\n" * (1 << 16)
    for name, content in (("model.safetensors", weights), ("log.txt", text)):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_bytes(content)
        pack([tmp_path / name], tmp_path / f"{name}.tar.gz")
        assert _read(tmp_path / f"{name}.tar.gz") == {name: content}
    stored = (tmp_path / "model.safetensors.tar.gz").read_bytes()
    assert weights[:4096] in stored  # as it is, no compressor has been at it
    assert (tmp_path / "log.txt.tar.gz").stat().st_size < len(text) / 10


def test_the_largest_files_decide(tmp_path: Path) -> None:
    """A large model beside small texts is stored, a small one beside large texts is compressed with them."""
    noise = os.urandom(1 << 20)
    for large, small in ((noise, b"x" * 1000), (b"x" * (1 << 21), noise[:1000])):
        folder = tmp_path / str(len(large))
        folder.mkdir()
        (folder / "large").write_bytes(large)
        (folder / "small").write_bytes(small)
        pack([folder], tmp_path / "a.tar.gz")
        assert ((tmp_path / "a.tar.gz").stat().st_size < len(large) / 2) == (large is not noise)
        assert _read(tmp_path / "a.tar.gz") == {"large": large, "small": small}
