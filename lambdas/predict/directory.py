"""Which endpoint a workload has, and whether it sleeps, remembered for a minute: a look-up for every prediction would
meet SSM's rate limit.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared import descriptor as descriptors

KEEP_SECONDS = 60


@dataclass(frozen=True)
class Endpoint:
    """`sleeps`: it is serverless, so the first request after a while has to wake it."""

    name: str
    sleeps: bool


class Directory:
    """Workload -> endpoint. An unknown workload is not remembered, so that a new one is found at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[float, Endpoint]] = {}

    def endpoint(self, ssm: Any, *, path: str, workload: str) -> Endpoint:
        """`UnknownWorkload` when SSM has no descriptor of it."""
        known = self._known.get((path, workload))
        if known and self._clock() < known[0]:
            return known[1]
        descriptor = descriptors.read(ssm, path=path, workload=workload)
        found = Endpoint(descriptor["endpoint_name"], sleeps=descriptor["serving"]["serverless"] is not None)
        self._known[path, workload] = (self._clock() + KEEP_SECONDS, found)
        return found
