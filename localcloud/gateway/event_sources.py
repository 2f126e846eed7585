"""Event source mappings look into their queues when something has come, at once.

ministack's poller is woken by every message. When it was woken for nothing, as after each batch that is done, it sleeps
50 ms before it looks again, whatever has come meanwhile: made for many tenants, of which this machine has one.
"""

from __future__ import annotations

import importlib

_GAP_SECONDS = 0.001


def register() -> None:
    """Let the poller sleep no longer than it takes to look."""
    importlib.import_module("ministack.services.lambda_svc")._ESM_IDLE_WAKE_GAP_SECONDS = _GAP_SECONDS
