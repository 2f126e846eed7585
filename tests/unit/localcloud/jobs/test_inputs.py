"""Files and pipes of a job's hosts."""

import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from localcloud.sagemaker.jobs.data_source import DataSource
from localcloud.sagemaker.jobs.failures import JobFailure
from localcloud.sagemaker.jobs.inputs import JobInputs
from tests.support.s3_bucket import Bucket

ROLE = "arn:aws:iam::000000000000:role/job"


def _inputs(**objects: bytes) -> tuple[JobInputs, Bucket]:
    bucket = Bucket(**objects)
    return JobInputs(SimpleNamespace(arn=ROLE, client=lambda service: bucket)), bucket


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_host_shares_one_listing_though_objects_come_and_go(tmp_path: Path) -> None:
    inputs, bucket = _inputs(**{f"d/{letter}": letter.encode() for letter in "abc"})
    source = DataSource(uri="s3://b/d/", distribution="ShardedByS3Key")
    inputs.place(source, tmp_path / "0", host=0, hosts=2)
    bucket.objects["d/aa"] = b"late"
    inputs.place(source, tmp_path / "1", host=1, hosts=2)
    assert [_files(tmp_path / host) for host in "01"] == [{"a": b"a", "c": b"c"}, {"b": b"b"}]


def test_a_host_without_a_share_finds_an_empty_folder(tmp_path: Path) -> None:
    inputs, _ = _inputs(**{"d/a": b"a"})
    inputs.place(DataSource(uri="s3://b/d/", distribution="ShardedByS3Key"), tmp_path / "train", host=1, hosts=2)
    assert list((tmp_path / "train").iterdir()) == []


def test_an_object_named_twice_is_one_file(tmp_path: Path) -> None:
    inputs, bucket = _inputs(m=b'[{"prefix": "s3://b/d/"}, "a", "a"]', **{"d/a": b"a"})
    inputs.place(DataSource(uri="s3://b/m", data_type="ManifestFile"), tmp_path / "train", host=0, hosts=1)
    assert _files(tmp_path / "train") == {"a": b"a"}
    assert bucket.reads == ["m", "d/a"]


@pytest.mark.parametrize("mode", ["File", "FastFile", "Pipe"])
def test_a_prefix_without_objects_is_named_in_sagemakers_words(tmp_path: Path, mode: str) -> None:
    inputs, _ = _inputs(other=b"")
    with pytest.raises(JobFailure) as failed:
        inputs.place(DataSource(uri="s3://b/d/", mode=mode), tmp_path / "train", host=0, hosts=1)
    assert failed.value.reason.startswith("ClientError: Data download failed: Failed to download data from s3://b/d/. ")
    assert 'No S3 objects found under S3 URL "s3://b/d/" given in input data source.' in failed.value.reason


def test_a_pipe_whose_object_is_gone_ends_the_containers_and_says_which(tmp_path: Path) -> None:
    inputs, bucket = _inputs(**{"d/a": b"a", "d/b": b"b"})
    inputs.place(DataSource(uri="s3://b/d/", mode="Pipe"), tmp_path / "train", host=0, hosts=1)
    del bucket.objects["d/b"]
    ended = threading.Event()
    with inputs.feeding(on_failure=ended.set), (tmp_path / "train_0").open("rb", buffering=0) as pipe:
        assert pipe.read(1) == b"a"
        assert ended.wait(10)
    assert "Failed to download data from s3://b/d/b. " in inputs.failure.reason
    assert "NoSuchKey" in inputs.failure.reason
