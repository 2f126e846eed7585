"""What is encoded here is what botocore decodes."""

import json

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer

from localcloud.sagemaker import eventstream


def _decode(data: bytes) -> list:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return list(buffer)


@pytest.mark.parametrize("payload", [b"", b"text", bytes(range(256)) * 300])
def test_an_event_carries_its_payload(payload: bytes) -> None:
    (message,) = _decode(eventstream.event("PayloadPart", payload))
    assert message.payload == payload
    assert message.headers[":event-type"] == "PayloadPart"
    assert message.headers[":message-type"] == "event"


def test_messages_follow_each_other() -> None:
    members = {"Message": "gone", "ErrorCode": "StreamBroken"}
    event, error = _decode(eventstream.event("PayloadPart", b"a") + eventstream.exception("ModelStreamError", members))
    assert event.payload == b"a"
    assert error.headers[":exception-type"] == "ModelStreamError"
    assert json.loads(error.payload) == members


def test_a_changed_byte_is_noticed() -> None:
    data = bytearray(eventstream.event("PayloadPart", b"text"))
    data[-6] ^= 1
    with pytest.raises(ChecksumMismatch):
        _decode(bytes(data))
