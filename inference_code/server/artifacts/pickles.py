"""Telling pickles by their content: loading one calls what it names."""

from __future__ import annotations

import pickletools
import re
from itertools import islice
from typing import IO

_MAGIC = tuple(bytes([0x80, protocol]) for protocol in (2, 3, 4, 5))
# numpy's array whose elements are objects: its data is a pickle.
_ARRAY_OF_OBJECTS = re.compile(rb"\x93NUMPY[^{]{4,6}\{[^}]*'[|<>=]?O\d*'", re.DOTALL)
_MAX_ARRAY_HEADER = 10_000
_CALLS = frozenset({"INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "REDUCE", "BUILD"})
_MAX_STEPS = 1_000_000  # a text of letters that happen to be opcodes is not followed for ever


def is_pickle(stream: IO[bytes]) -> bool:
    """Whether a file, read from its beginning, is a pickle: by its first bytes from protocol 2 on, and before that by
    being a program that calls something and comes to its end; or an array of numpy that holds one.
    """
    beginning = stream.read(_MAX_ARRAY_HEADER)
    if _ARRAY_OF_OBJECTS.match(beginning):
        return True
    by_magic = beginning[:2] in _MAGIC
    stream.seek(0)
    steps: set[str] = set()
    try:
        for opcode, _, _ in islice(pickletools.genops(stream), _MAX_STEPS):
            steps.add(opcode.name)
            if by_magic and len(steps) > 1:
                return True
    except Exception:  # what is no opcode, or an argument that is none: pickletools has no error of its own
        return False
    return "STOP" in steps and bool(_CALLS & steps)
