"""An object is read block by block, and only as it was when the reading began."""

import pytest
from botocore.exceptions import ClientError

from localcloud.sagemaker.jobs.channels import RemoteObject
from localcloud.sagemaker.jobs.object_reader import ObjectReader
from tests.support.s3_bucket import Bucket

FOUND = RemoteObject("b", "key", "key")


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 1234])
@pytest.mark.parametrize("portion", [1, 7, 100, 5000])
def test_every_byte_comes_once_and_in_order(size: int, portion: int) -> None:
    content = bytes(index % 251 for index in range(size))
    bucket = Bucket(key=content)
    with ObjectReader(bucket, FOUND, block=100) as reader:
        assert reader.length == size
        assert b"".join(iter(lambda: reader.read(portion), b"")) == content
    assert len(bucket.reads) == max(1, -(-size // 100)), "a small object costs one call"


def test_nothing_is_fetched_before_it_is_read() -> None:
    bucket = Bucket(key=bytes(1000))
    with ObjectReader(bucket, FOUND, block=100) as reader:
        reader.read(100)
        assert len(bucket.reads) == 1


def test_an_object_that_is_replaced_meanwhile_is_refused() -> None:
    bucket = Bucket(key=bytes(200))
    with ObjectReader(bucket, FOUND, block=100) as reader:
        bucket.objects["key"] = b"x" * 200
        with pytest.raises(ClientError, match="PreconditionFailed"):
            reader.read(100), reader.read(100)
