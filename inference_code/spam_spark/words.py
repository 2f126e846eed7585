"""Text -> hashed word counts, as the Spark step of training makes them (training_code/spam_spark/etl.py)."""

from __future__ import annotations

import re
import string
from collections import Counter
from functools import lru_cache

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_NEITHER_LETTER_NOR_BLANK = re.compile("[^a-z ]")
_SEED = 42
_MASK = 0xFFFFFFFF


def clean(text: str) -> str:
    """Lower case, nothing but letters and blanks."""
    return _NEITHER_LETTER_NOR_BLANK.sub("", text.translate(_LOWER))


def count(text: str, buckets: int) -> Counter[int]:
    """Bucket, from 0 -> how many of the text's words hash to it."""
    return Counter(murmur3(word) % buckets for word in clean(text).split(" ") if word)


@lru_cache(maxsize=65_536)
def murmur3(word: str) -> int:
    """Spark SQL's `hash` of a string: Murmur3_x86_32 with seed 42, a signed 32-bit number.

    It differs from the published algorithm for the last bytes of a string whose length is no multiple of four: Spark
    mixes each of them like a whole block (org.apache.spark.unsafe.hash.Murmur3_x86_32.hashUnsafeBytes).
    """
    data = word.encode()
    whole = len(data) & ~3
    blocks = [int.from_bytes(data[at : at + 4], "little") for at in range(0, whole, 4)]
    blocks += [(byte ^ 0x80) - 0x80 & _MASK for byte in data[whole:]]  # bytes are signed on the JVM
    mixed = _SEED
    for block in blocks:
        mixed = (_rotate(mixed ^ _scramble(block), 13) * 5 + 0xE6546B64) & _MASK
    mixed ^= len(data)
    mixed = (mixed ^ mixed >> 16) * 0x85EBCA6B & _MASK
    mixed = (mixed ^ mixed >> 13) * 0xC2B2AE35 & _MASK
    mixed ^= mixed >> 16
    return (mixed ^ 0x80000000) - 0x80000000


def _scramble(block: int) -> int:
    return _rotate(block * 0xCC9E2D51 & _MASK, 15) * 0x1B873593 & _MASK


def _rotate(value: int, bits: int) -> int:
    return (value << bits | value >> (32 - bits)) & _MASK
