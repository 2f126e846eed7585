"""ISO 8601 durations as ``CacheConfig.ExpireAfter`` has them."""

from __future__ import annotations

import re

_DURATION = re.compile(
    r"P?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?",
    re.IGNORECASE,
)
_SECONDS = {"weeks": 604800, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}


def seconds(duration: str | None) -> float:
    """An ISO 8601 duration as SageMaker takes it (``30d``, ``P4DT12H``, ``T12H``); None is for ever.

    Raises ValueError.
    """
    if duration is None:
        return float("inf")
    match = _DURATION.fullmatch(duration)
    if match is None or not any(match.groupdict().values()):
        raise ValueError(f"CacheConfig.ExpireAfter {duration!r} is no ISO 8601 duration such as P30D or T12H")
    return sum(_SECONDS[unit] * int(count) for unit, count in match.groupdict().items() if count)
