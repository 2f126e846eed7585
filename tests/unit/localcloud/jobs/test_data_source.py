"""Which part of its data a host gets in which epoch, and what an augmented manifest means."""

import json

import pytest

from localcloud.sagemaker.jobs.channels import RemoteObject
from localcloud.sagemaker.jobs.data_source import DataSource
from tests.support.s3_bucket import Bucket

RECORDS = [(RemoteObject("b", str(number), str(number)),) for number in range(23)]


def _epoch(source: DataSource, epoch: int, hosts: int) -> list[list]:
    return [source.part(RECORDS, epoch=epoch, host=host, hosts=hosts) for host in range(hosts)]


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("hosts", [1, 2, 3, 40])
def test_shards_are_disjoint_and_complete(hosts: int, seed: int | None) -> None:
    shards = _epoch(DataSource(uri="s3://b/", distribution="ShardedByS3Key", seed=seed), 0, hosts)
    assert sorted((record for part in shards for record in part), key=RECORDS.index) == RECORDS


def test_without_sharding_every_host_gets_everything_in_order() -> None:
    assert _epoch(DataSource(uri="s3://b/"), 0, 2) == [RECORDS, RECORDS]


def test_a_seed_shuffles_every_epoch_anew_and_every_time_alike() -> None:
    source = DataSource(uri="s3://b/", seed=7)
    orders = [_epoch(source, epoch, 1)[0] for epoch in (0, 1)]
    assert orders == [_epoch(source, epoch, 1)[0] for epoch in (0, 1)]
    assert orders[0] != orders[1]
    assert all(order != RECORDS and sorted(order, key=RECORDS.index) == RECORDS for order in orders)
    assert _epoch(DataSource(uri="s3://b/", seed=8), 0, 1)[0] != orders[0]


def test_a_shuffled_shard_changes_from_epoch_to_epoch() -> None:
    source = DataSource(uri="s3://b/", distribution="ShardedByS3Key", seed=7)
    first, second = (set(_epoch(source, epoch, 2)[0]) for epoch in (0, 1))
    assert first != second


def _augmented(*lines: object, attributes: tuple[str, ...] = ("image-ref", "label")) -> list:
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    source = DataSource(uri="s3://m/list", data_type="AugmentedManifestFile", attributes=attributes)
    return source.records(Bucket(list=text.encode()))


def test_an_augmented_line_gives_its_attributes_in_the_order_asked_for() -> None:
    line = {"label": 1, "image-ref": "s3://data/a/1.jpg", "other": "x", "text": "two words", "box": {"x": [1, 2]}}
    image = RemoteObject("data", "a/1.jpg", "1.jpg")
    assert _augmented(line, line) == [(image, b"1")] * 2
    assert _augmented(line, "", attributes=("text", "box", "image-ref")) == [(b"two words", b'{"x": [1, 2]}', image)]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("{", "not valid JSON"),
        ("[1]", "not a JSON object"),
        ({"label": 1}, "lacks the attribute 'image-ref'"),
        ({"image-ref": "a.jpg", "label": 1}, "'a.jpg', not an S3 URI of an object"),
        ({"image-ref": "s3://data", "label": 1}, "not an S3 URI of an object"),
        ({"image-ref": 5, "label": 1}, "5, not an S3 URI of an object"),
    ],
)
def test_a_malformed_line_is_named(line: object, wrong: str) -> None:
    good = {"image-ref": "s3://data/a", "label": 1}
    with pytest.raises(ValueError, match=f"line 2 of the augmented manifest s3://m/list.*{wrong}"):
        _augmented(good, line)
