"""Which captured objects a monitoring job reads."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from shared.storage import split_uri

MAX_OBJECTS = 1000
"""Of the oldest, and of the newest: as many as one page lists. Each holds the requests of seconds or minutes."""


def keys(s3: Any, folder: str, *, since: datetime) -> list[str]:
    """Relative to `folder` (an S3 URI): the oldest objects, and those since then, the newest where they are too many.

    Data capture names them yyyy/mm/dd/hh/..., so their order is the order of time.
    """
    bucket, prefix = split_uri(f"{folder}/")
    oldest = list(islice(_listed(s3, bucket, prefix), MAX_OBJECTS))
    hour = f"{prefix}{since:%Y/%m/%d/%H}/"
    recent = list(_listed(s3, bucket, prefix, after=hour))[-MAX_OBJECTS:]
    return sorted({*oldest, *recent})


def newest(s3: Any, folder: str) -> list[str]:
    """Relative to `folder`: the objects below it, by key the last `MAX_OBJECTS`."""
    bucket, prefix = split_uri(f"{folder}/")
    return list(_listed(s3, bucket, prefix))[-MAX_OBJECTS:]


def _listed(s3: Any, bucket: str, prefix: str, *, after: str = "") -> Iterator[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, StartAfter=after)
    return (
        item["Key"].removeprefix(prefix)
        for page in pages
        for item in page.get("Contents", [])
        if item["Size"] and not item["Key"].endswith("/")
    )
