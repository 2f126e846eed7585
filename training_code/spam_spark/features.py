"""The LIBSVM lines that the Spark step wrote -> sparse arrays."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix


class InvalidFeatures(ValueError):
    """A file that is not as process.py writes it; the message names file and line."""


@dataclass(frozen=True)
class Features:
    """`counts`: messages x buckets, float32; `labels`: messages, 0 ham, 1 spam."""

    counts: csr_matrix
    labels: np.ndarray

    @property
    def buckets(self) -> int:
        return self.counts.shape[1]


def read(folder: Path) -> Features:
    """What lies in `folder`, in the order of the files' names. Raises InvalidFeatures."""
    buckets = _buckets(folder)
    labels: list[int] = []
    columns: list[int] = []
    counts: list[float] = []
    ends = [0]
    for path in _parts(folder / "libsvm"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                label, pairs = _parse(line, buckets)
            except ValueError as error:
                raise InvalidFeatures(f"{path} line {number}: {error}") from None
            labels.append(label)
            columns += [column for column, _ in pairs]
            counts += [count for _, count in pairs]
            ends.append(len(columns))
    if not labels:
        raise InvalidFeatures(f"{folder / 'libsvm'}: no line of features")
    shape = (len(labels), buckets)
    return Features(csr_matrix((np.array(counts, np.float32), columns, ends), shape=shape), np.array(labels))


def _parse(line: str, buckets: int) -> tuple[int, list[tuple[int, float]]]:
    label, *pairs = line.split(" ")
    if label not in ("0", "1"):
        raise ValueError(f"the label is {label!r}; expected 0 or 1")
    found = []
    for pair in pairs:
        bucket, colon, count = pair.partition(":")
        if not (colon and bucket.isdecimal() and count.isdecimal() and 1 <= int(bucket) <= buckets):
            raise ValueError(f"{pair!r} is not bucket:count with a bucket from 1 to {buckets}")
        found.append((int(bucket) - 1, float(count)))
    return int(label), found


def _buckets(folder: Path) -> int:
    parts = _parts(folder / "schema")
    try:
        return int(json.loads(parts[0].read_text(encoding="utf-8"))["buckets"])
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidFeatures(f'{parts[0]}: expected {{"buckets": <number>}}: {error!r}') from None


def _parts(folder: Path) -> list[Path]:
    """What Spark wrote there: part-00000-..., without its checksums and marks."""
    parts = sorted(folder.glob("part-*"))
    if not parts:
        raise InvalidFeatures(f"{folder}: no file part-*; did process.py write there?")
    return parts
