"""Source archives, fetched by a real S3 client from a loopback server that serves a folder."""

import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from localcloud.codebuild import source
from localcloud.codebuild.source import SourceError


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    folder = tmp_path / "served/bucket"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def s3(bucket: Path) -> Iterator[Callable[[], object]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(bucket.parent)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{server.server_port}",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",  # noqa: S106
        config=Config(s3={"addressing_style": "path"}, response_checksum_validation="when_required"),
    )
    yield lambda: client
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


def archive(*entries: tuple[str, str, int]) -> bytes:
    """(name, text, mode) of each entry."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, text, mode in entries:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            made.writestr(entry, text)
    return buffer.getvalue()


def test_an_archive_is_unpacked_with_its_programs(bucket: Path, s3, tmp_path: Path) -> None:
    (bucket / "key.zip").write_bytes(archive(("server/run", "#!/bin/sh\n", 0o100755), ("server/x.py", "1", 0o100644)))
    source.download({"type": "S3", "location": "bucket/key.zip"}, "", tmp_path / "src", s3)
    assert (tmp_path / "src/server/x.py").read_text() == "1"
    assert (tmp_path / "src/server/run").stat().st_mode & 0o111
    assert not (tmp_path / "src/server/x.py").stat().st_mode & 0o111


@pytest.mark.parametrize("entry", [("../out", "1", 0o100644), ("/out", "1", 0o100644), ("link", "/etc", 0o120777)])
def test_entries_that_lead_out_are_refused_by_name(bucket: Path, s3, tmp_path: Path, entry) -> None:
    (bucket / "key.zip").write_bytes(archive(entry))
    with pytest.raises(SourceError, match=rf"s3://bucket/key\.zip: '{entry[0]}'"):
        source.download({"type": "S3", "location": "bucket/key.zip"}, "", tmp_path / "src", s3)
    assert not (tmp_path / "out").exists()


def test_something_else_than_an_archive_is_named(bucket: Path, s3, tmp_path: Path) -> None:
    (bucket / "key.zip").write_bytes(b"no archive")
    with pytest.raises(SourceError, match=r"s3://bucket/key\.zip: .*zip"):
        source.download({"type": "S3", "location": "bucket/key.zip"}, "", tmp_path / "src", s3)


def test_a_missing_object_is_named(s3, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"s3://bucket/nowhere\.zip"):
        source.download({"type": "S3", "location": "bucket/nowhere.zip"}, "", tmp_path / "src", s3)


@pytest.mark.parametrize(
    ("origin", "message"),
    [({"type": "GITHUB", "location": "x"}, "'GITHUB'"), ({"type": "S3", "location": "bucket"}, "<bucket>/<key>")],
)
def test_other_sources_are_refused(origin: dict, message: str, s3, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        source.download(origin, "", tmp_path / "src", s3)


def test_no_source_is_an_empty_folder(s3, tmp_path: Path) -> None:
    source.download({"type": "NO_SOURCE"}, "", tmp_path / "src", s3)
    assert list((tmp_path / "src").iterdir()) == []
