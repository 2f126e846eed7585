"""The code channel's zip: nothing leaves the folder, nothing grows without bounds."""

from __future__ import annotations

import stat
import zipfile

import pytest
from driver import archive
from driver.errors import InvalidCode


def _zip(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for member, content in members:
            opened.writestr(member, content)
    return path


def _member(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def test_files_and_folders_are_written_and_programs_stay_programs(tmp_path):
    program = _member("bin/tool.sh", stat.S_IFREG | 0o755)
    archive.unpack(_zip(tmp_path / "a.zip", ("pkg/a.py", "A"), (program, "#!")), tmp_path / "out")
    assert (tmp_path / "out/pkg/a.py").read_text() == "A"
    assert (tmp_path / "out/bin/tool.sh").stat().st_mode & 0o100


@pytest.mark.parametrize("name", ["../a.py", "/etc/a.py", "a/../../b.py", "a\\..\\b.py", "C:/a.py"])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path, name):
    with pytest.raises(InvalidCode, match="leaves the folder"):
        archive.unpack(_zip(tmp_path / "a.zip", (zipfile.ZipInfo(name), "x")), tmp_path / "out")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "a.zip"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path, kind):
    with pytest.raises(InvalidCode, match="neither a file nor a folder"):
        archive.unpack(_zip(tmp_path / "a.zip", (_member("link", kind | 0o777), "/etc/passwd")), tmp_path / "out")


def test_a_bomb_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 1 << 20)
    with pytest.raises(InvalidCode, match="at most"):
        archive.unpack(_zip(tmp_path / "a.zip", ("zeros", b"\0" * (2 << 20))), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_FILES", 3)
    with pytest.raises(InvalidCode, match="4 files"):
        archive.unpack(_zip(tmp_path / "a.zip", *((str(number), "") for number in range(4))), tmp_path / "out")


def test_a_flipped_bit_in_the_content_is_noticed_where_it_changes_anything(tmp_path):
    text = "".join(f"x{number} = {number**2}\n" for number in range(50))
    path = _zip(tmp_path / "a.zip", ("a.py", text))
    content = path.read_bytes()
    start, end = content.index(b"a.py") + len("a.py"), content.index(b"PK\x01\x02")
    refused = 0
    for position in range(start, end):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0x10]) + content[position + 1 :])
        try:
            archive.unpack(path, tmp_path / "out")
        except InvalidCode as error:
            assert str(error).startswith("a.zip: ")
            refused += 1
        else:
            assert (tmp_path / "out/a.py").read_text() == text  # the bits that fill up the last byte
    assert refused > 0.9 * (end - start)
