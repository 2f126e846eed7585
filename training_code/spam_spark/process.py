"""Turns text messages into features, by Spark: `spark-submit process.py --input-messages DIR --output-train DIR ...`.

Folders may be given as paths or as URIs (`s3://...`), so that the same script runs in Spark's local mode, in the
managed Spark container, and on EMR Serverless.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import etl
from pyspark.sql import SparkSession


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--input-messages", type=_uri, required=True, help="holds `ham` and `spam`, a message a line")
    parser.add_argument("--output-train", type=_uri, required=True, help="gets four fifths, as LIBSVM")
    parser.add_argument("--output-validation", type=_uri, required=True, help="gets the other fifth, as LIBSVM")
    parser.add_argument("--output-holdout", type=_uri, required=True, help="gets that fifth as text, in JSON Lines")
    parser.add_argument("--buckets", type=int, default=4096, help="how many features words are hashed to")
    parser.add_argument("--seed", type=int, default=1, help="another seed splits otherwise")
    return parser.parse_args(arguments)


def _uri(folder: str) -> str:
    """A path as the URI of a local file: on a cluster a bare path would be one of its HDFS."""
    return folder if "://" in folder else Path(folder).resolve().as_uri()


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    spark = SparkSession.builder.appName("spam_spark").getOrCreate()
    try:
        messages = etl.read(spark, options.input_messages).transform(etl.clean).cache()
        held_out = etl.is_held_out(options.seed)
        for chosen, folder in ((~held_out, options.output_train), (held_out, options.output_validation)):
            etl.write_features(messages.where(chosen), folder, buckets=options.buckets)
        etl.write_texts(messages.where(held_out), options.output_holdout)
        counts = etl.count(messages, held_out)
        print(" ".join(f"{name}={number}" for name, number in counts.items()), flush=True)
        etl.check(counts)
    finally:
        spark.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
