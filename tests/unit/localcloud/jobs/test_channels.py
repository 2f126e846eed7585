"""Which objects a data source means, and where they land."""

import json

import pytest

from localcloud.sagemaker.jobs.channels import RemoteObject, S3Uri, check_files, find_objects, relative_path
from tests.support.s3_bucket import Bucket


@pytest.mark.parametrize(
    ("key", "prefix", "relative"),
    [
        ("data/train/a.csv", "data/train/", "a.csv"),
        ("data/train/a.csv", "data/train", "a.csv"),
        ("data/train/deep/a.csv", "data/train", "deep/a.csv"),
        ("data/train-2/a.csv", "data/train", "train-2/a.csv"),
        ("data/model.tar.gz", "data/model.tar.gz", "model.tar.gz"),
        ("a.csv", "", "a.csv"),
        ("x/a.csv", "", "x/a.csv"),
    ],
)
def test_an_object_lands_below_what_its_prefix_names(key: str, prefix: str, relative: str) -> None:
    assert relative_path(key, prefix) == relative


@pytest.mark.parametrize("key", ["data/../../etc/passwd", "data/..", "data/.", "data//"])
def test_a_key_that_would_leave_the_channel_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="inside its channel"):
        relative_path(key, "data/")


def test_a_prefix_means_every_object_below_it_but_the_consoles_folders() -> None:
    client = Bucket(**{"d/": b"", "d/a": b"", "d/b/": b"", "d/b/c": b"", "e": b""})
    assert [found.relative for found in find_objects(client, uri="s3://bucket/d/", data_type="S3Prefix")] == [
        "a",
        "b/c",
    ]


def test_a_manifest_names_its_objects() -> None:
    manifest = json.dumps([{"prefix": "s3://other/base/"}, "x/1.csv", "2.csv"]).encode()
    client = Bucket(**{"m.manifest": manifest})
    found = find_objects(client, uri="s3://bucket/m.manifest", data_type="ManifestFile")
    assert found == [
        RemoteObject("other", "base/x/1.csv", "x/1.csv"),
        RemoteObject("other", "base/2.csv", "2.csv"),
    ]


@pytest.mark.parametrize(
    "manifest",
    [
        b"{}",
        b"[]",
        b'["x"]',
        b'[{"prefix": "s3://b/"}, 1]',
        b'[{"prefix": "s3://b/"}, "../x"]',
        b"[",
        b"\xff",
        b"[" * 9999,
    ],
)
def test_a_malformed_manifest_is_refused(manifest: bytes) -> None:
    with pytest.raises(ValueError, match="s3://bucket/m"):
        find_objects(Bucket(m=manifest), uri="s3://bucket/m", data_type="ManifestFile")


def test_an_uncovered_data_type_says_so() -> None:
    with pytest.raises(ValueError, match="AugmentedManifestFile"):
        find_objects(Bucket(), uri="s3://bucket/m", data_type="AugmentedManifestFile")


def test_an_object_that_is_a_folder_as_well_is_named() -> None:
    objects = [RemoteObject("b", f"d/{name}", name) for name in ("a", "a-b", "a/b", "c/d")]
    with pytest.raises(ValueError, match=r"both a folder as well as a file: s3://b/d/a and s3://b/d/a/b"):
        check_files(objects)
    check_files(objects[1:])


@pytest.mark.parametrize("text", ["bucket/key", "https://bucket/key", "s3:///key", ""])
def test_what_is_no_s3_uri_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="S3 URI"):
        S3Uri.parse(text)


def test_joining_does_not_double_the_slash() -> None:
    assert str(S3Uri.parse("s3://b/out/").join("job", "output")) == "s3://b/out/job/output"
    assert str(S3Uri.parse("s3://b").join("job")) == "s3://b/job"
