"""An archive from S3 is trusted with nothing."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from localcloud.sagemaker.endpoints.model_data import Limits, ModelDataError, extract


def _archive(path: Path, *members: tarfile.TarInfo | tuple[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            tar.addfile(info, io.BytesIO(member[1]))
    return path


def _special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_files_and_folders_are_unpacked(tmp_path: Path) -> None:
    archive = _archive(
        tmp_path / "a", _special("code", tarfile.DIRTYPE), ("./model.onnx", b"weights"), ("code/x.py", b"1")
    )
    extract(archive, tmp_path / "model")
    assert (tmp_path / "model/model.onnx").read_bytes() == b"weights"
    assert (tmp_path / "model/code/x.py").read_bytes() == b"1"


@pytest.mark.parametrize(
    "member",
    [
        ("../outside", b"x"),
        ("a/../../outside", b"x"),
        ("/etc/outside", b"x"),
        _special("link", tarfile.SYMTYPE, "/etc/passwd"),
        _special("link", tarfile.LNKTYPE, "model.txt"),
        _special("device", tarfile.CHRTYPE),
        _special("pipe", tarfile.FIFOTYPE),
    ],
    ids=["parent", "hidden parent", "absolute", "symbolic link", "hard link", "device", "pipe"],
)
def test_what_could_leave_the_folder_is_refused(tmp_path: Path, member) -> None:
    archive = _archive(tmp_path / "a", ("model.txt", b"x"), member)
    with pytest.raises(ModelDataError):
        extract(archive, tmp_path / "model")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "model"]


def test_a_name_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelDataError, match="twice"):
        extract(_archive(tmp_path / "a", ("m", b"1"), ("m", b"2")), tmp_path / "model")


def test_a_bomb_is_stopped_early(tmp_path: Path) -> None:
    archive = _archive(tmp_path / "a", ("zeros", bytes(64 << 20)))
    limits = Limits(free_bytes=1 << 20, max_ratio=20)
    with pytest.raises(ModelDataError, match="unpacks to more than"):
        extract(archive, tmp_path / "model", limits)
    unpacked = sum(path.stat().st_size for path in (tmp_path / "model").rglob("*"))
    assert unpacked <= limits.allowed(archive.stat().st_size)


def test_a_header_bomb_is_stopped_too(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.pax_headers = {"comment": "y" * (8 << 20)}
    with tarfile.open(tmp_path / "a", "w:gz", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info)
    with pytest.raises(ModelDataError, match="unpacks to more than"):
        extract(tmp_path / "a", tmp_path / "model", Limits(free_bytes=1 << 20, max_ratio=2))


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    archive = _archive(tmp_path / "a", *((f"f{number}", b"") for number in range(11)))
    with pytest.raises(ModelDataError, match="more than 10 members"):
        extract(archive, tmp_path / "model", Limits(max_members=10))


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", gzip.compress(b"not a tar"), b"PK\x03\x04"],
    ids=["nothing", "text", "gzip of text", "zip"],
)
def test_what_is_no_archive_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ModelDataError):
        extract(tmp_path / "a", tmp_path / "model")


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    whole = _archive(tmp_path / "a", ("m", bytes(range(256)) * 50)).read_bytes()
    for length in range(0, len(whole) - 1, 7):
        (tmp_path / "cut").write_bytes(whole[:length])
        with pytest.raises(ModelDataError):
            extract(tmp_path / "cut", tmp_path / f"model-{length}")
