"""A byte stream becomes log lines, whatever its chunks."""

import pytest

from localcloud.containers.lines import LineFramer

STREAM = b"one\ntwo\r\n\nd\xc3\xa9j\xc3\xa0 vu\n\xff broken\nlast"
LINES = ["one", "two", "", "déjà vu", "\N{REPLACEMENT CHARACTER} broken", "last"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_lines_do_not_depend_on_the_chunks(size: int) -> None:
    framer = LineFramer()
    found = [line for start in range(0, len(STREAM), size) for line in framer.feed(STREAM[start : start + size])]
    assert found + framer.finish() == LINES


def test_an_endless_line_is_cut_before_it_fills_the_memory() -> None:
    framer = LineFramer(max_bytes=10)
    assert framer.feed(b"0123456789abcdefghijXY") == ["0123456789", "abcdefghij"]
    assert framer.feed(b"Z\n") == ["XYZ"]
    assert framer.finish() == []
