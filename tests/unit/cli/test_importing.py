"""What may be imported as a model, and how a folder becomes one."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from cli import importing, packages
from cli.errors import CliError


@pytest.mark.parametrize("name", ["empty", "none", "model.onnx"])
def test_what_can_be_no_model_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "model.onnx").write_text("no archive")
    with pytest.raises(CliError, match="is neither a folder with files nor a tar archive"):
        importing.check(tmp_path / name)


def test_a_folder_comes_back_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "tokenizer").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer/vocab.txt").write_text("a")
    (folder / "weights.bin").symlink_to(folder / "config.json")
    packages.unpack(importing.pack(folder, tmp_path / "model.tar.gz"), tmp_path / "out")
    found = {str(p.relative_to(tmp_path / "out")): p.read_text() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert found == {"config.json": "{}", "tokenizer/vocab.txt": "a", "weights.bin": "{}"}
    assert not any(path.is_symlink() for path in (tmp_path / "out").rglob("*"))


@pytest.mark.parametrize("kind", ["outside", "link", "damaged"])
def test_an_archive_that_reaches_out_or_is_damaged_is_not_unpacked(tmp_path: Path, kind: str) -> None:
    archive = tmp_path / "model.tar.gz"
    member = tarfile.TarInfo("../outside" if kind == "outside" else "link")
    if kind == "link":
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(archive, "w:gz") as opened:
        opened.addfile(member)
    if kind == "damaged":
        archive.write_bytes(archive.read_bytes()[:40])
    with pytest.raises(CliError, match=r"model\.tar\.gz cannot be unpacked"):
        packages.unpack(archive, tmp_path / "in" / "model")
    assert not (tmp_path / "in" / "outside").exists()
