"""Standard error -> the text of /opt/ml/output/failure."""

from __future__ import annotations

import pytest
from driver import failure
from driver.supervise import Ending
from hypothesis import given
from hypothesis import strategies as st

CHAINED = """Traceback (most recent call last):
  File "a.py", line 1, in f
KeyError: 'x'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "b.py", line 2, in g
data.InvalidFile: train.gz: damaged
"""
DISTRIBUTED = """[rank1]: Traceback (most recent call last):
[rank1]:   File "train.py", line 3, in <module>
[rank1]: ValueError: bad label
Traceback (most recent call last):
  File "run.py", line 9, in main
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============
train.py FAILED
"""


def told(stderr: str, returncode: int = 1) -> str:
    return failure.text(Ending(returncode, False, stderr), "train.py")


@pytest.mark.parametrize(
    ("stderr", "first"),
    [
        (CHAINED, "InvalidFile: train.gz: damaged"),
        (DISTRIBUTED, "ValueError: bad label"),
        ('Traceback (most recent call last):\n  File "a"\nAssertionError\n', "AssertionError"),
        ("just words\n", "ScriptFailed: train.py ended with exit code 1"),
        ("", "ScriptFailed: train.py ended with exit code 1"),
    ],
)
def test_the_first_line_is_the_cause(stderr, first):
    assert told(stderr).splitlines()[0] == first


def test_the_frames_of_the_last_traceback_follow():
    assert '  File "b.py", line 2, in g' in told(CHAINED).splitlines()


@given(st.text(), st.integers(-64, 255).filter(bool))
def test_any_output_and_end_gives_a_text_that_fits(stderr, returncode):
    text = told(stderr, returncode)
    assert 0 < len(text) <= failure.MAX_TEXT
