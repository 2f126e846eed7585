"""The bytes of a Pipe-mode stream."""

import gzip
import struct

import pytest

from localcloud.sagemaker.jobs import recordio
from localcloud.sagemaker.jobs.channels import RemoteObject
from localcloud.sagemaker.jobs.data_source import DataSource
from localcloud.sagemaker.jobs.stream import UnreadableObject, stream
from tests.support.s3_bucket import Bucket


def _bytes(bucket: Bucket, *parts: RemoteObject | bytes, **form: str) -> bytes:
    return b"".join(stream(bucket, DataSource(uri="s3://b/", mode="Pipe", **form), [(part,) for part in parts]))


def _object(key: str) -> RemoteObject:
    return RemoteObject("b", key, key)


def _read_recordio(data: bytes) -> list[bytes]:
    """As MXNet's reader does it, with nothing of ours."""
    records = []
    while data:
        magic, word = struct.unpack_from("<II", data)
        assert magic == 0xCED7230A
        assert word >> 29 == 0, "one part a record"
        length = word & ((1 << 29) - 1)
        records.append(data[8 : 8 + length])
        end = 8 + (length + 3) // 4 * 4
        assert data[8 + length : end] == bytes(end - 8 - length)
        data = data[end:]
    return records


CONTENTS = {"a": b"", "b": b"1", "c": b"1234", "d": bytes(range(256)) * 2048}


def test_objects_follow_each_other() -> None:
    assert _bytes(Bucket(**CONTENTS), *map(_object, "abcd")) == b"".join(CONTENTS.values())


def test_gzip_is_undone_for_each_object_of_one_or_more_members() -> None:
    packed = {name: gzip.compress(content[:100]) + gzip.compress(content[100:]) for name, content in CONTENTS.items()}
    assert _bytes(Bucket(**packed), *map(_object, "abcd"), compression="Gzip") == b"".join(CONTENTS.values())


@pytest.mark.parametrize("compression", ["None", "Gzip"])
def test_recordio_makes_each_object_and_value_one_record(compression: str) -> None:
    stored = {key: gzip.compress(value) if compression == "Gzip" else value for key, value in CONTENTS.items()}
    sent = _bytes(Bucket(**stored), *map(_object, "abcd"), b'{"x": 1}', wrapper="RecordIO", compression=compression)
    assert _read_recordio(sent) == [*CONTENTS.values(), b'{"x": 1}']


def test_a_record_that_the_format_cannot_hold_is_refused() -> None:
    assert len(recordio.header(recordio.MAX_RECORD_BYTES)) == 8
    with pytest.raises(ValueError, match="at most 536870911 bytes, not 536870912"):
        recordio.header(recordio.MAX_RECORD_BYTES + 1)


def test_objects_are_read_only_when_their_turn_comes() -> None:
    bucket = Bucket(**CONTENTS)
    chunks = stream(bucket, DataSource(uri="s3://b/"), [(_object("d"),), (_object("c"),)])
    next(chunks)
    assert bucket.reads == ["d"]


@pytest.mark.parametrize(
    "stored",
    [b"plain text", gzip.compress(b"x" * 5000)[:-9], b"\x1f\x8b\x08" + b"\0" * 30],
    ids=["plain text", "cut off", "head only"],
)
def test_what_is_not_gzip_is_named(stored: bytes) -> None:
    with pytest.raises(UnreadableObject, match="s3://b/bad"):
        _bytes(Bucket(a=gzip.compress(b"1"), bad=stored), _object("a"), _object("bad"), compression="Gzip")


def test_an_object_that_is_gone_is_named() -> None:
    with pytest.raises(UnreadableObject, match=r"s3://b/gone.*NoSuchKey"):
        _bytes(Bucket(), _object("gone"))
