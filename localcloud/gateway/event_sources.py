"""Event source mappings look into their queues when something has come, at once.

ministack's poller is woken by every message. When it was woken for nothing, as after each batch that is done, it sleeps
50 ms before it looks again, whatever has come meanwhile: made for many tenants. Here it sleeps some times as long as it
takes to look, which is far less unless there are hundreds of mappings.
"""

from __future__ import annotations

import importlib
import time
from typing import Any

_SHORTEST_SECONDS = 0.001
_LOOKS = 5
"""How many looks a pause is long: the poller takes a sixth of a processor at most."""


def register() -> None:
    """Let the poller's pause depend on how long it takes to look."""
    service: Any = importlib.import_module("ministack.services.lambda_svc")
    poll, longest = service._poll_sqs, service._ESM_IDLE_WAKE_GAP_SECONDS

    def look() -> bool:
        began = time.thread_time()
        try:
            return poll()
        finally:
            seconds = _LOOKS * (time.thread_time() - began)
            service._ESM_IDLE_WAKE_GAP_SECONDS = min(longest, max(_SHORTEST_SECONDS, seconds))

    service._ESM_IDLE_WAKE_GAP_SECONDS = _SHORTEST_SECONDS
    service._poll_sqs = look
