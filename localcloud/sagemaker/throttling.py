"""A control plane that answers a share of its calls with ThrottlingException, for a while."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

Response = tuple[int, dict[str, str], Any]
_REFUSAL: Response = (
    400,
    {"Content-Type": "application/x-amz-json-1.1", "x-amzn-errortype": "ThrottlingException"},
    json.dumps({"__type": "ThrottlingException", "message": "Rate exceeded"}).encode(),
)


class Throttling:
    """In front of a control plane. The refused calls are spread evenly: with a share of a third, every third one."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._share, self._until, self._calls = 0.0, 0.0, 0

    def begin(self, share: float, seconds: float) -> None:
        """Refuse this share of the calls (0 to 1) for so many seconds from now; 0 ends what was begun before."""
        with self._lock:
            self._share, self._until, self._calls = share, self._clock() + seconds, 0

    def around(self, handle: Callable[..., Response]) -> Callable[..., Response]:
        """`handle`, but for the calls that are refused."""

        def throttled(*arguments: Any) -> Response:
            return _REFUSAL if self._refuses() else handle(*arguments)

        return throttled

    def _refuses(self) -> bool:
        with self._lock:
            if self._clock() >= self._until:
                return False
            self._calls += 1
            return int(self._calls * self._share) > int((self._calls - 1) * self._share)
