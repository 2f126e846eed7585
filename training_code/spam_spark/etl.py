"""Text messages -> cleaned words -> hashed word counts, as Spark SQL expressions (no Python runs on the workers).

Serving does the same without Spark, in `inference_code/spam_spark/words.py`; a test compares the two. Only ASCII
letters are lower-cased and kept: what another alphabet's lower case is depends on the version of Unicode.
"""

from __future__ import annotations

import json
import string

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

LABELS = {"ham": 0, "spam": 1}
PARTS = 5
"""One part of so many is held out."""


class InvalidMessages(ValueError):
    """The messages cannot be learned from."""


def read(spark: SparkSession, folder: str) -> DataFrame:
    """The lines of the files `ham` and `spam` in `folder`, a URI: columns `text` and `label` (0 or 1)."""
    parts = [
        spark.read.text(f"{folder}/{name}").select(F.col("value").alias("text"), F.lit(label).alias("label"))
        for name, label in LABELS.items()
    ]
    return parts[0].unionByName(parts[1]).where(F.trim("text") != "")


def clean(messages: DataFrame) -> DataFrame:
    """Adds `cleaned`: lower case, nothing but letters and blanks."""
    lower = F.translate("text", string.ascii_uppercase, string.ascii_lowercase)
    return messages.withColumn("cleaned", F.regexp_replace(lower, "[^a-z ]", ""))


def is_held_out(seed: int) -> Column:
    """Whether a message belongs to the held-out fifth.

    Decided by its cleaned text alone: the same on any number of machines, and texts that occur twice (many do) never
    lie on both sides.
    """
    return F.pmod(F.hash(F.concat(F.col("cleaned"), F.lit(f"|{seed}"))), F.lit(PARTS)) == 0


def word_counts(buckets: int) -> Column:
    """A message's `bucket:count` pairs as text, bucket numbers from 1 and ascending, as LIBSVM has them.

    Spark's `hash` is Murmur3 (32 bits, seed 42) over the word's UTF-8 bytes.
    """
    words = "filter(split(cleaned, ' '), word -> word != '')"
    hashed = f"transform({words}, word -> pmod(hash(word), {buckets}))"
    pair = "concat(bucket + 1, ':', size(filter(hashed, other -> other = bucket)))"
    pairs = f"transform(array_sort(array_distinct(hashed)), bucket -> {pair})"
    return F.expr(pairs.replace("hashed", hashed))


def write_features(messages: DataFrame, folder: str, *, buckets: int) -> None:
    """Writes `libsvm/` (lines `label bucket:count ...`) and `schema/` (how many buckets) below `folder`."""
    line = F.concat_ws(" ", F.col("label").cast("string"), word_counts(buckets))
    messages.select(line).coalesce(1).write.text(f"{folder}/libsvm")
    schema = F.lit(json.dumps({"buckets": buckets}))
    messages.sparkSession.range(1).select(schema).coalesce(1).write.text(f"{folder}/schema")


def write_texts(messages: DataFrame, folder: str) -> None:
    """Writes `messages/` below `folder`: `{"text": ..., "label": 0 or 1}` in JSON Lines."""
    messages.select("text", "label").coalesce(1).write.json(f"{folder}/messages")


def count(messages: DataFrame, held_out: Column) -> dict[str, int]:
    """How many messages of each kind are trained on (`train_ham`, ...) and held out (`validation_spam`, ...)."""
    side = F.when(held_out, "validation").otherwise("train")
    rows = messages.groupBy(side.alias("side"), "label").count().collect()
    found = {(row["side"], row["label"]): row["count"] for row in rows}
    return {
        f"{side}_{name}": found.get((side, label), 0)
        for side in ("train", "validation")
        for name, label in LABELS.items()
    }


def check(counts: dict[str, int]) -> None:
    """Raises InvalidMessages when a kind of message is missing on one side."""
    missing = [name for name, number in counts.items() if number == 0]
    if missing:
        raise InvalidMessages(f"no messages for {', '.join(missing)}: give more lines of ham and of spam")
