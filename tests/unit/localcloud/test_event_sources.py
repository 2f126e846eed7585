"""A poller of queues pauses no longer than its looks are worth, and never longer than ministack has it."""

import sys
import time
from types import ModuleType

import pytest

from localcloud.gateway import event_sources


@pytest.mark.parametrize(("seconds", "least", "most"), [(0, 0.001, 0.01), (0.005, 0.02, 0.05), (0.1, 0.05, 0.05)])
def test_the_pause_is_some_looks_long(monkeypatch, seconds, least, most):
    def poll() -> bool:
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass
        return True

    service = ModuleType("ministack.services.lambda_svc")
    service._poll_sqs, service._ESM_IDLE_WAKE_GAP_SECONDS = poll, 0.05
    monkeypatch.setitem(sys.modules, service.__name__, service)
    event_sources.register()
    assert service._ESM_IDLE_WAKE_GAP_SECONDS == 0.001
    assert service._poll_sqs() is True
    assert least <= service._ESM_IDLE_WAKE_GAP_SECONDS <= most


def test_a_look_that_fails_is_told_to_the_poller(monkeypatch):
    def poll() -> bool:
        raise RuntimeError("a queue went away")

    service = ModuleType("ministack.services.lambda_svc")
    service._poll_sqs, service._ESM_IDLE_WAKE_GAP_SECONDS = poll, 0.05
    monkeypatch.setitem(sys.modules, service.__name__, service)
    event_sources.register()
    with pytest.raises(RuntimeError):
        service._poll_sqs()
