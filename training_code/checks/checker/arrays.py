"""Numbers of one type in a row, as IDX and NPY files hold them."""

from __future__ import annotations

import math
import struct
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from checker.findings import BadFile, Findings
from checker.rows import Classes

CHUNK = 1 << 20
"""Bytes that are in memory at once; a multiple of every item's size."""
TYPES = {
    "bool": ("B", 1),
    "uint8": ("B", 1),
    "int8": ("b", 1),
    "uint16": ("H", 2),
    "int16": ("h", 2),
    "uint32": ("I", 4),
    "int32": ("i", 4),
    "uint64": ("Q", 8),
    "int64": ("q", 8),
    "float16": ("e", 2),
    "float32": ("f", 4),
    "float64": ("d", 8),
}
"""Name -> code of the modules `struct` and `array` (which lacks `e`), bytes of one number."""


@dataclass(frozen=True)
class Layout:
    """How an array lies in its file. Rows are those of the first dimension, in C order."""

    type: str
    shape: tuple[int, ...]
    big_endian: bool
    fortran_order: bool = False

    @property
    def items(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.items * TYPES[self.type][1]

    @property
    def rows(self) -> int:
        return self.shape[0] if self.shape else 0

    def row_of(self, item: int) -> int | None:
        """The row of the n-th number; None where the order hides it."""
        if self.fortran_order and len(self.shape) > 1:
            return None
        return item // max(1, math.prod(self.shape[1:]))


def check_shape(layout: Layout, wanted: Sequence[int | None] | None, findings: Findings, column: str | None) -> None:
    """`wanted`: lengths of the dimensions, None is any."""
    if wanted is None:
        return
    same = len(wanted) == len(layout.shape)
    fits = same and all(wish in (None, length) for wish, length in zip(wanted, layout.shape))  # noqa: B905 - Python 3.9
    if not fits:
        shown = ", ".join("any" if wish is None else str(wish) for wish in wanted)
        has = ", ".join(map(str, layout.shape))
        findings.add("shape", f"has the shape ({has}), expected ({shown})", column=column)


class Numbers:
    """Reads the numbers of one array and applies `rules` (`minimum`, `maximum`) and counts classes; says at most one
    thing of a kind, with the first row it is true of.
    """

    def __init__(
        self, layout: Layout, rules: dict[str, Any], classes: Classes, findings: Findings, column: str | None = None
    ) -> None:
        self._layout, self._classes, self._findings, self._column = layout, classes, findings, column
        self._tests = {"minimum": rules["minimum"], "maximum": rules["maximum"]}
        self._said: set[str] = set()

    def read(self, stream: BinaryIO) -> int:
        """Reads the array's bytes (fewer at the end of the stream); how many there were."""
        done, size = 0, TYPES[self._layout.type][1]
        while done < self._layout.bytes:
            data = stream.read(min(CHUNK, self._layout.bytes - done))
            if not data:
                break
            whole = len(data) - len(data) % size
            self._check(self._decode(data[:whole]), done // size)
            done += len(data)
        return done

    def _decode(self, data: bytes) -> Sequence[Any]:
        code, size = TYPES[self._layout.type]
        if code == "e":
            return struct.unpack(f"{'>' if self._layout.big_endian else '<'}{len(data) // size}e", data)
        if code == "B":
            return data
        numbers = array(code, data)
        if self._layout.big_endian != (sys.byteorder == "big"):
            numbers.byteswap()
        return numbers

    def _check(self, numbers: Sequence[Any], start: int) -> None:
        if not numbers:
            return
        if self._layout.type.startswith("float") and not self._are_finite(numbers, start):
            return
        minimum, maximum = self._tests["minimum"], self._tests["maximum"]
        if minimum is not None and min(numbers) < minimum:
            where = next(index for index, number in enumerate(numbers) if number < minimum)
            self._say("minimum", f"is below the minimum {minimum}", start + where, numbers[where])
        if maximum is not None and max(numbers) > maximum:
            where = next(index for index, number in enumerate(numbers) if number > maximum)
            self._say("maximum", f"is above the maximum {maximum}", start + where, numbers[where])
        self._classes.add(numbers)

    def _are_finite(self, numbers: Sequence[float], start: int) -> bool:
        # One NaN or infinity makes the sum one; a sum of large numbers may overflow without any.
        if math.isfinite(sum(numbers)):
            return True
        where = next((index for index, number in enumerate(numbers) if not math.isfinite(number)), None)
        if where is None:
            return True
        self._say("finite", "is NaN or infinite", start + where, numbers[where])
        return False

    def _say(self, rule: str, message: str, item: int, value: Any) -> None:
        if rule not in self._said:
            self._said.add(rule)
            self._findings.add(rule, message, row=self._layout.row_of(item), column=self._column, value=value)


def check_classes_fit(layout: Layout, rules: dict[str, Any] | None, column: str | None = None) -> None:
    if rules is not None and len(layout.shape) != 1:
        raise BadFile("classes", f"has {len(layout.shape)} dimensions: classes need one", column=column)
