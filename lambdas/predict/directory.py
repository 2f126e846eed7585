"""Which endpoint a workload has, remembered for a minute: a look-up for every prediction would meet SSM's rate
limit.
"""

import time
from collections.abc import Callable
from typing import Any

from shared import descriptor as descriptors

KEEP_SECONDS = 60


class Directory:
    """Workload -> endpoint name. An unknown workload is not remembered, so that a new one is found at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[float, str]] = {}

    def endpoint(self, ssm: Any, *, path: str, workload: str) -> str:
        """`UnknownWorkload` when SSM has no descriptor of it."""
        known = self._known.get((path, workload))
        if known and self._clock() < known[0]:
            return known[1]
        name = descriptors.read(ssm, path=path, workload=workload)["endpoint_name"]
        self._known[path, workload] = (self._clock() + KEEP_SECONDS, name)
        return name
