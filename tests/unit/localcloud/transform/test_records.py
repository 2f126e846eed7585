"""SplitType: objects cut into records, whatever the chunks they arrive in."""

import io
import struct

import pytest

from localcloud.sagemaker.transform.crc32c import masked_crc32c
from localcloud.sagemaker.transform.payloads import mini_batches, single_records
from localcloud.sagemaker.transform.records import SPLITTERS, RecordError

MAGIC = 0xCED7230A


class Dribble(io.BytesIO):
    """Gives a few bytes at a time, as a socket may."""

    def read(self, size: int = -1, /) -> bytes:
        return super().read(min(size, 3))


def contents(split_type: str, body: bytes, limit: int | None = None) -> list[bytes]:
    return [record.content for record in SPLITTERS[split_type](Dribble(body), limit)]


def framed(split_type: str, body: bytes) -> bytes:
    return b"".join(record.framed for record in SPLITTERS[split_type](Dribble(body), None))


def recordio(*parts: tuple[int, bytes]) -> bytes:
    return b"".join(
        struct.pack("<II", MAGIC, flag << 29 | len(data)) + data + bytes(-len(data) % 4) for flag, data in parts
    )


def tfrecord(data: bytes) -> bytes:
    head = struct.pack("<Q", len(data))
    return head + struct.pack("<I", masked_crc32c(head)) + data + struct.pack("<I", masked_crc32c(data))


def test_the_checksum_is_the_published_one() -> None:
    """RFC 3720, B.4: the CRC-32C of 32 zeros is 0x8a9136aa; TFRecord rotates it by 15 and adds a constant."""
    crc = 0x8A9136AA
    assert masked_crc32c(bytes(32)) == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_lines_end_at_newlines_and_empty_ones_are_none() -> None:
    assert contents("Line", b"a,1\r\nb,2\n\n\nc,3") == [b"a,1", b"b,2", b"c,3"]
    assert contents("Line", b"") == []


def test_without_splitting_the_object_is_the_record() -> None:
    assert contents("None", b"a\nb\n") == [b"a\nb\n"]
    assert contents("None", b"") == [b""]


def test_recordio_is_sent_bare_alone_and_as_it_is_beside_others() -> None:
    body = recordio((0, b"abc"), (0, b""), (0, b"12345678"))
    assert contents("RecordIO", body) == [b"abc", b"", b"12345678"]
    assert framed("RecordIO", body) == body


def test_a_recordio_record_in_parts_held_the_magic_number() -> None:
    body = recordio((1, b"left"), (2, b"mid"), (3, b"right"), (0, b"next"))
    magic = struct.pack("<I", MAGIC)
    assert contents("RecordIO", body) == [magic.join([b"left", b"mid", b"right"]), b"next"]
    assert framed("RecordIO", body) == body


def test_tfrecords_are_sent_bare_alone_and_as_they_are_beside_others() -> None:
    body = tfrecord(b"first") + tfrecord(b"") + tfrecord(b"third")
    assert contents("TFRecord", body) == [b"first", b"", b"third"]
    assert framed("TFRecord", body) == body


@pytest.mark.parametrize(
    ("split_type", "body", "message"),
    [
        ("RecordIO", b"not recordio at all", "magic number"),
        ("RecordIO", recordio((0, b"abc"))[:-1], "ends within"),
        ("RecordIO", recordio((1, b"part")), "ends within"),
        ("TFRecord", b"not a tfrecord, but long enough", "checksum"),
        ("TFRecord", tfrecord(b"abc")[:-1], "ends within"),
        ("TFRecord", tfrecord(b"abc") + b"tail", "ends within"),
    ],
)
def test_what_is_in_no_such_format_is_refused(split_type: str, body: bytes, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        contents(split_type, body)


@pytest.mark.parametrize(
    ("split_type", "body"),
    [
        ("None", b"12345"),
        ("Line", b"1\n12345\n"),
        ("Line", b"12345"),
        ("RecordIO", recordio((0, b"12345"))),
        ("TFRecord", tfrecord(b"12345")),
    ],
)
def test_a_record_over_the_limit_is_refused_before_more_is_read(split_type: str, body: bytes) -> None:
    source = io.BytesIO(body)
    with pytest.raises(RecordError, match="Too much data for max payload size"):
        list(SPLITTERS[split_type](source, 4))


def test_an_endless_line_is_refused_without_being_held() -> None:
    class Endless:
        given = 0

        def read(self, size: int, /) -> bytes:
            self.given += size
            return bytes(size)

    source = Endless()
    with pytest.raises(RecordError):
        list(SPLITTERS["Line"](source, 1 << 20))
    assert source.given <= 4 << 20


def test_mini_batches_are_as_full_as_the_limit_allows() -> None:
    records = SPLITTERS["Line"](io.BytesIO(b"aa\nbb\ncccc\nd\n"), 6)
    payloads = list(mini_batches(records, 6))
    assert [(payload.body, payload.first, payload.count) for payload in payloads] == [
        (b"aa\nbb\n", 1, 2),
        (b"cccc\n", 3, 1),
        (b"d\n", 4, 1),
    ]
    assert [str(payload) for payload in payloads] == ["records 1 to 2", "record 3", "record 4"]


def test_single_records_are_sent_without_line_ends() -> None:
    payloads = single_records(SPLITTERS["Line"](io.BytesIO(b"a\nb"), None))
    assert [(payload.body, payload.first) for payload in payloads] == [(b"a", 1), (b"b", 2)]
